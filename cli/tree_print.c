/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_print.h"

#include "base/json.h"
#include "event_line.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define INDENT 2

/* -- one process --------------------------------------------------------------------------------------------- */

/* The next of the arguments; *at moves behind it. */
static bool next_arg(const struct tree_node *node, size_t *at, const char **ret, size_t *ret_size)
{
	size_t size = node->sizes[TREE_ARGS];
	if (*at >= size)
		return false;
	*ret = node->strings[TREE_ARGS] + *at;
	*ret_size = strnlen(*ret, size - *at);
	*at += *ret_size + 1;
	return true;
}

static void add_string(struct text *text, const struct tree_node *node, enum tree_string which, const char *missing)
{
	if (node->sizes[which] > 0)
		text_add_escaped(text, node->strings[which], node->sizes[which]);
	else
		text_add(text, missing);
}

static void add_process(struct text *text, const struct tree_node *node)
{
	const char *arg;
	size_t size, at = 0;
	add_string(text, node, TREE_EXE, "?");
	text_format(text, "[%" PRIu32 "]", node->pid);
	if (!node->guessed)
		text_format(text, " uid %" PRIu32, node->uid);
	if (node->sizes[TREE_CONTAINER] > 0) {
		text_add(text, " container ");
		add_string(text, node, TREE_CONTAINER, "");
	}
	for (bool first = true; next_arg(node, &at, &arg, &size); first = false) {
		bool quote = size == 0 || memchr(arg, ' ', size);
		text_add(text, first ? ": " : " ");
		text_add(text, quote ? "\"" : "");
		text_add_escaped(text, arg, size);
		text_add(text, quote ? "\"" : "");
	}
}

static void indent(struct text *text, size_t depth)
{
	text_format(text, "%*s", (int)(MIN(depth, (size_t)TREE_DEPTH_MAX) * INDENT), "");
	if (depth > TREE_DEPTH_MAX)
		text_format(text, "(%zu deeper) ", depth - TREE_DEPTH_MAX);
}

/* -- live ---------------------------------------------------------------------------------------------------- */

/* The nearest ancestors, oldest first. Their number. */
static size_t chain_of(const struct tree_node *node, const struct tree_node *chain[TREE_DEPTH_MAX])
{
	size_t n = 0;
	for (const struct tree_node *at = node; at && at->parent && n < TREE_DEPTH_MAX; at = at->parent)
		chain[n++] = at;
	for (size_t i = 0; i < n / 2; i++) {
		const struct tree_node *other = chain[i];
		chain[i] = chain[n - 1 - i];
		chain[n - 1 - i] = other;
	}
	return n;
}

void tree_print_event(const struct output *output, struct tree_trail *trail, const struct tree_node *node,
		      const struct rs_event *event, enum output_colour colour)
{
	const struct tree_node *chain[TREE_DEPTH_MAX];
	const struct catalogue_event *row = catalogue_find(event->type);
	size_t n = chain_of(node, chain), same = 0;
	struct text line = {0};
	while (same < MIN(n, trail->n) && trail->levels[same].serial == chain[same]->serial &&
	       trail->levels[same].version == chain[same]->version)
		same++;
	for (size_t i = same; i < n; i++) {
		text_clear(&line);
		indent(&line, i);
		add_process(&line, chain[i]);
		output_line(output, OUTPUT_BOLD, text_get(&line));
		trail->levels[i].serial = chain[i]->serial;
		trail->levels[i].version = chain[i]->version;
	}
	trail->n = n;
	text_clear(&line);
	indent(&line, n);
	text_wall_time(&line, event->wall_ns, false);
	text_format(&line, " %" PRIu64 " %s", event->id, row ? row->name : "event of a type that is not known here");
	if (row && event->body_size >= row->body_size)
		event_line_add_body(&line, event, row);
	output_line(output, colour, text_get(&line));
	text_deinit(&line);
}

/* -- at the end ---------------------------------------------------------------------------------------------- */

static void add_counts(struct text *text, uint64_t events, uint64_t denies)
{
	text_counted(text, events, "event");
	if (denies > 0) {
		text_add(text, ", ");
		text_count(text, denies);
		text_add(text, " denied");
	}
}

static void print_node(const struct output *output, const struct tree_node *node, size_t depth)
{
	struct text line = {0};
	indent(&line, depth - 1);
	add_process(&line, node);
	if (node->events > 0 || node->ended)
		text_add(&line, "  (");
	if (node->events > 0)
		add_counts(&line, node->events, node->denies);
	if (node->events > 0 && node->ended)
		text_add(&line, ", ");
	if (node->exited && node->signal)
		text_format(&line, "ended by signal %" PRIu32, node->signal);
	else if (node->exited)
		text_format(&line, "exit %" PRIu32, node->code);
	else if (node->ended)
		text_add(&line, "its end was not seen");
	if (node->events > 0 || node->ended)
		text_add(&line, ")");
	output_line(output, node->denies > 0 ? OUTPUT_BAD : OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
}

static void print_folded(const struct output *output, const struct tree_node *node, size_t depth)
{
	struct text line = {0};
	if (node->folded == 0)
		return;
	indent(&line, depth);
	text_add(&line, "and ");
	text_count(&line, node->folded);
	text_add(&line, " more that ended  (");
	add_counts(&line, node->folded_events, node->folded_denies);
	text_add(&line, ")");
	output_line(output, node->folded_denies > 0 ? OUTPUT_BAD : OUTPUT_DIM, text_get(&line));
	text_deinit(&line);
}

static void print_sum(const struct output *output, const struct tree_counters *counters)
{
	struct text line = {0};
	text_counted(&line, counters->processes, "process");
	if (counters->processes != 1)
		line.bytes[--line.size] = '\0', text_add(&line, "es");
	text_add(&line, ", ");
	add_counts(&line, counters->events, counters->denies);
	text_add(&line, ".");
	if (counters->refused > 0) {
		text_add(&line, " No room for the processes of ");
		text_counted(&line, counters->refused, "event");
		text_add(&line, ".");
	}
	if (counters->lost > 0) {
		text_add(&line, " ");
		text_counted(&line, counters->lost, "event");
		text_add(&line, " did not come: forks, programs and ends may be missing.");
	}
	output_paragraph(output, 0, "", counters->lost + counters->refused > 0 ? OUTPUT_WARN : OUTPUT_PLAIN,
			 text_get(&line));
	text_deinit(&line);
}

void tree_print(const struct output *output, const struct tree *tree)
{
	size_t depth = 0;
	const struct tree_node *root = tree_root(tree);
	for (const struct tree_node *node = root; (node = tree_next(tree, node, &depth));) {
		if (!node->shown)
			continue;
		print_node(output, node, depth);
		print_folded(output, node, depth);
	}
	print_folded(output, root, 0);
	print_sum(output, tree_counters(tree));
}

/* -- JSON ---------------------------------------------------------------------------------------------------- */

static void open_node(struct json *json, const struct tree_node *node)
{
	const char *arg;
	size_t size, at = 0;
	json_open_object(json, NULL);
	json_u64(json, "id", node->id);
	json_u64(json, "pid", node->pid);
	if (!node->guessed)
		json_u64(json, "uid", node->uid);
	json_bytes(json, "exe", node->strings[TREE_EXE], node->sizes[TREE_EXE]);
	json_open_array(json, "args");
	while (next_arg(node, &at, &arg, &size))
		json_bytes(json, NULL, arg, size);
	json_close_array(json);
	if (node->sizes[TREE_CONTAINER] > 0)
		json_bytes(json, "container_id", node->strings[TREE_CONTAINER], node->sizes[TREE_CONTAINER]);
	json_bool(json, "ended", node->ended);
	if (node->exited && node->signal)
		json_u64(json, "signal", node->signal);
	else if (node->exited)
		json_u64(json, "code", node->code);
	json_u64(json, "events", node->events);
	json_u64(json, "denies", node->denies);
	json_u64(json, "folded", node->folded);
	json_u64(json, "folded_events", node->folded_events);
	json_u64(json, "folded_denies", node->folded_denies);
	json_open_array(json, "children");
}

static void close_nodes(struct json *json, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_close_array(json);
		json_close_object(json);
	}
}

static void write(struct json *json, const struct tree *tree)
{
	const struct tree_counters *counters = tree_counters(tree);
	const struct tree_node *node = tree_root(tree);
	size_t depth = 0, before = 0;
	json_open_object(json, NULL);
	json_u64(json, "events", counters->events);
	json_u64(json, "denies", counters->denies);
	json_u64(json, "lost", counters->lost);
	json_u64(json, "refused", counters->refused);
	json_u64(json, "folded", counters->folded);
	json_open_array(json, "processes");
	while ((node = tree_next(tree, node, &depth))) {
		if (!node->shown)
			continue;
		if (depth <= before)
			close_nodes(json, before - depth + 1);
		open_node(json, node);
		before = depth;
	}
	close_nodes(json, before);
	json_close_array(json);
	json_close_object(json);
}

int tree_add_json(struct text *text, const struct tree *tree)
{
	struct json json;
	char none;
	json_init(&json, &none, 0);
	write(&json, tree);
	size_t capacity = json.size + 1;
	_cleanup_(freep) char *buffer = malloc(capacity);
	if (!buffer)
		return -ENOMEM;
	json_init(&json, buffer, capacity);
	write(&json, tree);
	ssize_t size = json_finish(&json);
	if (size < 0)
		return (int)size;
	text_add_json(text, buffer, (size_t)size);
	return 0;
}
