/* SPDX-License-Identifier: Apache-2.0 */
#include "event_filter.h"

#include <string.h>

/* A type's name or a family's. Auth events are not shown: `denied` tells what came of them. */
static bool want(struct event_filter *filter, const char *name)
{
	bool any = false;
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		if (row->auth || (name && strcmp(row->name, name) != 0 && strcmp(row->family, name) != 0))
			continue;
		filter->wanted[row->number] = any = true;
	}
	return any;
}

static int complain_of_type(const char *name)
{
	struct text text = {0};
	const struct catalogue_event *row = catalogue_find_name(name);
	text_add_escaped(&text, name, strlen(name));
	if (row && row->auth)
		cli_complain("'%s' is a question to the agents, and is not followed; 'denied' events and 'ringside "
			     "denials' tell what came of such questions",
			     text_get(&text));
	else
		cli_complain("there is no event or family '%s'; docs/EVENTS.md and ringside-events(1) list them",
			     text_get(&text));
	text_deinit(&text);
	return CLI_USAGE;
}

static int read_types(struct event_filter *filter, const struct cli *cli)
{
	size_t at = 0;
	const char *name;
	bool any = false;
	while ((name = cli_next_value(cli, "type", &at))) {
		if (!want(filter, name))
			return complain_of_type(name);
		any = true;
	}
	if (cli_value(cli, "denied")) {
		if (any && !filter->wanted[RS_EVENT_DENIED]) {
			cli_complain("--denied shows 'denied' events only, and --type leaves them out");
			return CLI_USAGE;
		}
		memset(filter->wanted, 0, sizeof(filter->wanted));
		filter->wanted[RS_EVENT_DENIED] = any = true;
	}
	if (!any)
		want(filter, NULL);
	filter->wanted[RS_EVENT_LOST] = true;
	return CLI_OK;
}

int event_filter_init(struct event_filter *filter, const struct cli *cli)
{
	uint64_t number = 0;
	*filter = (struct event_filter){
		.exe = cli_value(cli, "exe"),
		.path = cli_value(cli, "path"),
		.agent = cli_value(cli, "agent"),
		.has_pid = cli_value(cli, "pid") != NULL,
		.has_uid = cli_value(cli, "uid") != NULL,
	};
	if (filter->has_pid && !cli_number("--pid", cli_value(cli, "pid"), UINT32_MAX, &number))
		return CLI_USAGE;
	filter->pid = (uint32_t)number;
	if (filter->has_uid && !cli_number("--uid", cli_value(cli, "uid"), UINT32_MAX, &number))
		return CLI_USAGE;
	filter->uid = (uint32_t)number;
	return read_types(filter, cli);
}

static bool str_is(const struct rs_event *event, struct rs_str str, const char *wanted)
{
	size_t size;
	const char *bytes = rs_str_get(event, str, &size);
	return size == strlen(wanted) && memcmp(bytes, wanted, size) == 0;
}

static bool str_begins(const struct rs_event *event, struct rs_str str, const char *prefix)
{
	size_t size;
	const char *bytes = rs_str_get(event, str, &size);
	return size >= strlen(prefix) && memcmp(bytes, prefix, strlen(prefix)) == 0;
}

static bool any_path_begins(const struct rs_event *event, const struct catalogue_event *row, const char *prefix)
{
	for (uint32_t i = 0; i < row->n_fields; i++) {
		const void *at = (const char *)event + event->body_offset + row->fields[i].offset;
		if (row->fields[i].kind == CATALOGUE_FILE &&
		    str_begins(event, ((const struct rs_file *)at)->path, prefix))
			return true;
	}
	return false;
}

static bool is_about_agent(const struct rs_event *event, const struct catalogue_event *row, const char *agent)
{
	for (uint32_t i = 0; i < row->n_fields; i++) {
		const void *at = (const char *)event + event->body_offset + row->fields[i].offset;
		if (row->fields[i].kind == CATALOGUE_STR && strcmp(row->fields[i].name, "agent") == 0 &&
		    str_is(event, *(const struct rs_str *)at, agent))
			return true;
	}
	return false;
}

bool event_filter_match(const struct event_filter *filter, const struct rs_event *event)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	if (event->type == RS_EVENT_LOST)
		return true;
	if (!row || event->body_size < row->body_size || !filter->wanted[event->type])
		return false;
	return (!filter->has_pid || event->process.pid == filter->pid) &&
	       (!filter->has_uid || event->process.uid == filter->uid) &&
	       (!filter->exe || str_is(event, event->process.exe_path, filter->exe)) &&
	       (!filter->path || any_path_begins(event, row, filter->path)) &&
	       (!filter->agent || is_about_agent(event, row, filter->agent));
}
