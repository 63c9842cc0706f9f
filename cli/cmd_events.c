/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_events: `ringside events`: follows what happens, as an agent does: over the SDK, without a vote.
 *
 *     control.sock: IPC_REQUEST_EVENTS ─▶ lifeline descriptor ─▶ rs_agent_open ─▶ rs_agent_next … ─▶ lines
 *           ▲                                                                         │
 *           └───────────── the engine has ended: ask for a new one ◀──────────────────┘
 *
 * Its lifeline brings one session only, other than an agent's: nobody watches over this command.
 */
#include "answer.h"
#include "base/clock.h"
#include "base/fd.h"
#include "event_filter.h"
#include "event_line.h"
#include "event_record.h"
#include "event_replay.h"
#include "tree_print.h"
#include "tree_proc.h"
#include "wire/ipc.h"

#include <errno.h>
#include <ringside/ringside.h>
#include <signal.h>
#include <string.h>

#define SECONDS_MOST 31536000u
#define JSON_SIZE (7u * RS_EVENT_SIZE_MAX) /* enough for any event */
#define TURN_MS 250 /* how soon Ctrl-C and --seconds are noticed */
#define AGAIN_NS (15 * NS_PER_SEC) /* for a new engine to take this command as a listener */

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	stopped = 1;
}

struct follow {
	const struct cli *cli;
	struct event_filter filter;
	struct rs_agent *agent;
	uint64_t count_most; /* 0: no end */
	uint64_t end_ns; /* 0: no end */
	uint64_t shown;
	bool again; /* a stream has ended at least once */
	struct event_record *record; /* with --record */
	bool record_over; /* it takes no more */
	struct tree *tree; /* with --tree */
	struct tree_trail trail;
	struct tree_proc proc;
	char json[JSON_SIZE];
};

static void follow_free(struct follow **follow)
{
	if (*follow && (*follow)->agent)
		rs_agent_close((*follow)->agent);
	if (*follow)
		tree_free((*follow)->tree);
	free(*follow);
}

static int read_limits(struct follow *follow, const struct cli *cli)
{
	uint64_t seconds = 0;
	if (cli_value(cli, "count") && !cli_number("--count", cli_value(cli, "count"), UINT64_MAX, &follow->count_most))
		return CLI_USAGE;
	if (cli_value(cli, "seconds") && !cli_number("--seconds", cli_value(cli, "seconds"), SECONDS_MOST, &seconds))
		return CLI_USAGE;
	if (seconds > 0)
		follow->end_ns = clock_monotonic_ns() + seconds * NS_PER_SEC;
	return CLI_OK;
}

static int complain(const char *what, int error)
{
	cli_complain("%s: %s", what, strerror(-error));
	return error == -EACCES || error == -EPERM ? CLI_REFUSED : CLI_NOT_RUNNING;
}

/* A tree is made of these, whatever is shown of them. */
static bool makes_trees(uint16_t type)
{
	return type == RS_EVENT_FORK || type == RS_EVENT_EXEC || type == RS_EVENT_EXIT;
}

/* Subscribes to what is wanted and can be had; what cannot be had here is said when it was asked for by name. */
static int subscribe(struct follow *follow, bool by_name)
{
	enum rs_event_type types[RS_EVENT_TYPE_LIMIT];
	size_t n = 0, n_refused = 0;
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		struct rs_ability ability = {.size = sizeof(ability)};
		bool shown = follow->filter.wanted[row->number];
		if (!shown && !(follow->tree && makes_trees(row->number)))
			continue;
		if (rs_agent_ability(follow->agent, (enum rs_event_type)row->number, &ability) == 0 &&
		    ability.state != RS_UNAVAILABLE && ability.granted) {
			types[n++] = (enum rs_event_type)row->number;
			continue;
		}
		n_refused++;
		if ((by_name && shown) || (follow->tree && makes_trees(row->number))) {
			struct text reason = {0};
			const char *words = ability.reason ? ability.reason : "no sensor gives it";
			text_add_escaped(&reason, words, strlen(words));
			cli_complain("'%s' events are not available here: %s", row->name, text_get(&reason));
			text_deinit(&reason);
		}
	}
	/* `lost` comes along uninvited, and is not worth waiting for alone */
	if (n == 0 || (n == 1 && types[0] == RS_EVENT_LOST && n_refused > 0))
		return -ENOENT;
	return rs_agent_subscribe(follow->agent, types, n, NULL);
}

static int begin(struct follow *follow, struct answer *answer)
{
	struct rs_agent_opts opts = {.size = sizeof(opts), .version = RINGSIDE_VERSION, .fd = answer->fd};
	int r = rs_agent_open(&opts, &follow->agent);
	answer->fd = -1; /* consumed */
	if (r < 0)
		return complain("the engine did not take this command as a listener", r);
	r = subscribe(follow, cli_value(follow->cli, "type") != NULL);
	if (r == -ENOENT) {
		cli_complain("none of the events that were asked for is available here; 'ringside doctor' says why");
		return CLI_NEGATIVE;
	}
	if (r < 0)
		return complain("the engine refused the subscription", r);
	r = rs_agent_ready(follow->agent);
	return r < 0 ? complain("the engine did not begin to send events", r) : CLI_OK;
}

static enum output_colour colour_of(const struct rs_event *event)
{
	switch (event->type) {
	case RS_EVENT_DENIED:
	case RS_EVENT_LOST:
		return OUTPUT_BAD;
	default:
		return event->type / 100 == RS_EVENT_DENIED / 100 ? OUTPUT_WARN : OUTPUT_PLAIN;
	}
}

static void show(struct follow *follow, const struct rs_event *event)
{
	const struct cli *cli = follow->cli;
	struct text text = {0};
	if (cli->json) {
		ssize_t size = rs_event_to_json(event, follow->json, sizeof(follow->json));
		if (size < 0)
			text_format(&text, "{\"id\":%llu,\"error\":\"too long for JSON\"}",
				    (unsigned long long)event->id);
		else
			text_add_json(&text, follow->json, (size_t)size);
		output_line(&cli->out, OUTPUT_PLAIN, text_get(&text));
	} else {
		event_line_add(&text, event);
		output_line(&cli->out, colour_of(event), text_get(&text));
	}
	text_deinit(&text);
}

/* One that came. */
static void take(struct follow *follow, const struct rs_event *event)
{
	bool shown = event_filter_match(&follow->filter, event);
	follow->shown += shown;
	if (follow->record) {
		follow->record_over = shown && !event_record_add(follow->record, event);
	} else if (follow->tree) {
		const struct tree_node *node = tree_event(follow->tree, event, shown);
		if (shown && !follow->cli->json)
			tree_print_event(&follow->cli->out, &follow->trail, node, event, colour_of(event));
	} else if (shown) {
		show(follow, event);
	}
}

/* The tree as it is at the end. */
static void show_tree(const struct follow *follow)
{
	const struct output *out = &follow->cli->out;
	struct text text = {0};
	if (!follow->cli->json) {
		output_blank(out);
		tree_print(out, follow->tree);
	} else if (tree_add_json(&text, follow->tree) == 0) {
		output_line(out, OUTPUT_PLAIN, text_get(&text));
	}
	text_deinit(&text);
}

static bool is_over(const struct follow *follow)
{
	return stopped || ferror(follow->cli->out.file) || follow->record_over ||
	       (follow->count_most > 0 && follow->shown >= follow->count_most) ||
	       (follow->end_ns > 0 && clock_monotonic_ns() >= follow->end_ns);
}

/* Until it is over (CLI_OK) or the stream has ended (CLI_NOT_RUNNING). */
static int run(struct follow *follow)
{
	while (!is_over(follow)) {
		const struct rs_event *event = NULL;
		/* with events at hand nothing is flushed: a burst is written in blocks */
		int r = rs_agent_next(follow->agent, 0, &event);
		if (r == 0) {
			fflush(follow->cli->out.file);
			r = rs_agent_next(follow->agent, TURN_MS, &event);
		}
		if (r == -EINTR)
			continue;
		if (r < 0) {
			cli_complain("the engine ended the stream of events; asking for another");
			return CLI_NOT_RUNNING;
		}
		if (r > 0)
			take(follow, event);
	}
	return CLI_OK;
}

/* Asks for a lifeline and listens on it; *ret_listened: it got as far as that. */
static int attempt(struct follow *follow, bool *ret_listened)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	*ret_listened = false;
	int code = answer_ask(follow->cli, IPC_REQUEST_EVENTS, 0, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (answer.fd < 0) {
		cli_complain("the platform's answer came without the descriptor that events come through");
		return CLI_INTERNAL;
	}
	code = begin(follow, &answer);
	if (code == CLI_OK) {
		*ret_listened = true;
		cli_hush(false);
		code = run(follow);
	}
	rs_agent_close(follow->agent);
	follow->agent = NULL;
	return code;
}

/* A stream that has ended is asked for again; what cannot begin at all is not. */
static int follow_on(struct follow *follow)
{
	bool listened;
	int code = attempt(follow, &listened);
	uint64_t until_ns = clock_monotonic_ns() + AGAIN_NS;
	while (code == CLI_NOT_RUNNING && (listened || follow->again) && !is_over(follow)) {
		const struct timespec pause = {.tv_nsec = TURN_MS * (long)NS_PER_MS};
		if (listened)
			until_ns = clock_monotonic_ns() + AGAIN_NS;
		if (clock_monotonic_ns() >= until_ns)
			break;
		follow->again = true;
		cli_hush(true);
		nanosleep(&pause, NULL);
		code = attempt(follow, &listened);
	}
	cli_hush(false);
	if (follow->again && code != CLI_OK)
		cli_complain("no engine has taken this command as a listener again; 'ringside status' says how it is");
	return code == CLI_OK || stopped ? CLI_OK : code;
}

static bool replayed(void *data, const struct rs_event *event)
{
	struct follow *follow = data;
	take(follow, event);
	return !is_over(follow);
}

static int list_json(const struct cli *cli)
{
	struct json_object *json = json_object_new_object(), *rows = json_object_new_array();
	for (size_t i = 0; i < catalogue_n_events; i++) {
		if (catalogue_events[i].auth)
			continue;
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "event", json_object_new_string(catalogue_events[i].name));
		json_object_object_add(row, "number", json_object_new_int(catalogue_events[i].number));
		json_object_object_add(row, "family", json_object_new_string(catalogue_events[i].family));
		json_object_array_add(rows, row);
	}
	json_object_object_add(json, "events", rows);
	output_line(&cli->out, OUTPUT_PLAIN, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
	json_object_put(json);
	return CLI_OK;
}

static int list(const struct cli *cli)
{
	if (cli->json)
		return list_json(cli);
	static const struct output_column columns[] = {{"EVENT"}, {"FAMILY"}};
	struct output_table table;
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < catalogue_n_events; i++) {
		struct text cells[ARRAY_SIZE(columns)] = {0};
		if (catalogue_events[i].auth)
			continue;
		text_add(&cells[0], catalogue_events[i].name);
		text_add(&cells[1], catalogue_events[i].family);
		output_table_add(&table, OUTPUT_PLAIN, cells);
		text_deinit(&cells[0]);
		text_deinit(&cells[1]);
	}
	output_table_print(&table, &cli->out, 0);
	output_table_deinit(&table);
	return CLI_OK;
}

static int follow_events(struct cli *cli)
{
	_cleanup_(follow_free) struct follow *follow = calloc(1, sizeof(*follow));
	struct sigaction action = {.sa_handler = stop};
	if (!follow)
		return CLI_INTERNAL;
	follow->cli = cli;
	int code = event_filter_init(&follow->filter, cli);
	if (code == CLI_OK)
		code = read_limits(follow, cli);
	if (code != CLI_OK)
		return code;
	const char *recording = cli_value(cli, "replay"), *record = cli_value(cli, "record");
	if (record && cli_value(cli, "tree")) {
		cli_complain("--record writes events and shows none; see them with --replay FILE --tree");
		return CLI_USAGE;
	}
	/* what runs now is not what ran then */
	if (cli_value(cli, "tree") &&
	    !(follow->tree = tree_new(TREE_PROCESSES_MAX, recording ? NULL : tree_proc_look, &follow->proc)))
		return CLI_INTERNAL;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (record && (code = event_record_begin(record, EVENT_RECORD_BYTES_MAX, &follow->record)) != CLI_OK)
		return code;
	code = recording ? event_replay(recording, replayed, follow) : follow_on(follow);
	if (follow->tree && (code == CLI_OK || follow->shown > 0))
		show_tree(follow);
	return record ? event_record_end(follow->record, cli, code) : code;
}

int cmd_events(struct cli *cli)
{
	return cli_value(cli, "list") ? list(cli) : follow_events(cli);
}
