/* SPDX-License-Identifier: Apache-2.0 */
#include "control/actions.h"

#include "base/json.h"
#include "base/macro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PID_MASK ((UINT64_C(1) << 22) - 1) /* of a process id, see struct rs_process */
#define PLACES (JOURNAL_FILES * JOURNAL_RECORDS_MAX)
#define RECORD_JSON_MAX (8u * sizeof(struct journal_record)) /* every byte escaped, and the keys */

/* The outcome comes later than the asking, so newest first it is met before: then the asking is no news. */
struct settled {
	uint64_t numbers[PLACES];
	size_t n;
};

static bool is_settled(const struct settled *settled, uint64_t number)
{
	for (size_t i = settled->n; i > 0; i--)
		if (settled->numbers[i - 1] == number)
			return true;
	return false;
}

struct filter {
	char agent[SESSION_NAME_SIZE]; /* "": all */
	char outcome[SESSION_NAME_SIZE];
};

static int parse(const char *which, struct filter *ret)
{
	char copy[IPC_TEXT_SIZE], *save;
	snprintf(copy, sizeof(copy), "%s", which);
	*ret = (struct filter){0};
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strncmp(word, "agent=", 6) == 0)
			snprintf(ret->agent, sizeof(ret->agent), "%s", word + 6);
		else if (strncmp(word, "outcome=", 8) == 0)
			snprintf(ret->outcome, sizeof(ret->outcome), "%s", word + 8);
		else
			return -EINVAL;
	}
	return 0;
}

static const char *outcome_of(const struct journal_record *record)
{
	return record->what == JOURNAL_ASKED ? "open" : ipc_outcome_name(record->outcome);
}

static bool is_wanted(const struct filter *filter, const struct journal_record *record)
{
	return (!filter->agent[0] || strcmp(filter->agent, record->agent) == 0) &&
	       (!filter->outcome[0] || strcmp(filter->outcome, outcome_of(record)) == 0);
}

static void args_json(const struct journal_record *record, struct json *json)
{
	size_t at = 0;
	json_open_array(json, "args");
	while (at < record->args_size) {
		size_t size = strnlen(record->args + at, record->args_size - at);
		json_bytes(json, NULL, record->args + at, size);
		at += size + 1;
	}
	json_close_array(json);
}

static void target_json(const struct journal_record *record, struct json *json)
{
	json_open_object(json, "target");
	json_u64(json, "process_id", record->process_id);
	json_u64(json, "pid", record->process_id & PID_MASK);
	if (record->uid == UINT32_MAX)
		json_null(json, "uid");
	else
		json_u64(json, "uid", record->uid);
	json_string(json, "exe", record->exe);
	args_json(record, json);
	json_close_object(json);
}

static void record_json(const struct journal_record *record, struct json *json)
{
	json_open_object(json, NULL);
	json_u64(json, "number", record->number);
	json_u64(json, "wall_ns", record->wall_ns);
	json_u64(json, "event", record->event_id);
	json_u64(json, "request", record->request);
	json_string(json, "agent", record->agent);
	json_string(json, "version", record->version);
	json_string(json, "content_version", record->content_version);
	json_string(json, "action", ipc_action_name(record->kind));
	json_string(json, "rule", record->rule);
	json_string(json, "reason", record->reason);
	json_string(json, "outcome", outcome_of(record));
	json_i64(json, "error", -(int64_t)record->error);
	json_string(json, "why", record->error ? strerror(-record->error) : "");
	json_u64(json, "latency_us", record->latency_ns / 1000);
	json_string(json, "boot_id", record->boot_id);
	target_json(record, json);
	json_close_object(json);
}

static void write_all(struct journal *journal, const struct filter *filter, uint64_t n_most, struct settled *settled,
		      struct json *json)
{
	struct journal_cursor cursor = {0};
	struct journal_record record;
	json_open_object(json, NULL);
	json_open_array(json, "actions");
	for (uint64_t n = 0; n < n_most && journal_read(journal, &cursor, &record);) {
		if (record.what == JOURNAL_ASKED && is_settled(settled, record.number))
			continue;
		if (record.what == JOURNAL_OUTCOME && settled->n < PLACES)
			settled->numbers[settled->n++] = record.number;
		if (!is_wanted(filter, &record))
			continue;
		record_json(&record, json);
		n++;
	}
	json_close_array(json);
	json_u64(json, "damaged", cursor.damaged);
	json_close_object(json);
}

int actions_json(struct journal *journal, const char *which, uint64_t n_most, char **ret_text, size_t *ret_size)
{
	struct json json;
	struct filter filter;
	if (!journal)
		return -ENODEV;
	int r = parse(which, &filter);
	if (r < 0)
		return r;
	n_most = n_most == 0 ? ACTIONS_MOST : MIN(n_most, ACTIONS_MOST);
	size_t capacity = n_most * RECORD_JSON_MAX + 256; /* taken from the kernel page by page, as far as it is used */
	_cleanup_(freep) char *text = malloc(capacity);
	_cleanup_(freep) struct settled *settled = malloc(sizeof(*settled));
	if (!text || !settled)
		return -ENOMEM;
	settled->n = 0;
	json_init(&json, text, capacity);
	write_all(journal, &filter, n_most, settled, &json);
	ssize_t size = json_finish(&json);
	if (size < 0)
		return (int)size;
	*ret_text = STEAL(text);
	*ret_size = (size_t)size;
	return 0;
}
