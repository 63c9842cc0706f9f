/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include "base/clock.h"
#include "base/macro.h"
#include "daemon/usage.h"

#include <stdio.h>
#include <unistd.h>

#define COUNTER(name) {#name, offsetof(struct keeper_counters, name)}
static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(overdue),
	COUNTER(drained),
	COUNTER(unguarded_allowed),
	COUNTER(unguarded_denied),
	COUNTER(rescued),
	COUNTER(starved),
	COUNTER(idle),
	COUNTER(lies),
	COUNTER(errors),
	COUNTER(restarts),
	COUNTER(file_systems),
};

static void keeper_to_json(const struct keeper *keeper, struct json *json)
{
	struct keeper_counters values;
	keeper_get_counters(keeper, &values);
	json_open_object(json, "keeper");
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		json_u64(json, counters[i].name,
			 *(const uint64_t *)(const void *)((char *)&values + counters[i].offset));
	json_close_object(json);
}

static void parent_to_json(const struct status *status, struct json *json)
{
	json_open_object(json, NULL);
	json_string(json, "name", topology_name(PROCESS_PARENT));
	json_u64(json, "pid", (uint64_t)getpid());
	json_u64(json, "uid", geteuid());
	json_string(json, "state", "ready");
	json_u64(json, "restarts", 0);
	json_u64(json, "since_s", (clock_monotonic_ns() - status->started_ns) / NS_PER_SEC);
	json_string(json, "why", "");
	usage_to_json(getpid(), json);
	json_close_object(json);
}

size_t status_to_json(const struct status *status, char *text, size_t size)
{
	struct json json;
	json_init(&json, text, size);
	json_open_object(&json, NULL);
	json_string(&json, "version", RINGSIDE_VERSION);
	json_string(&json, "config", status->config);
	json_u64(&json, "uptime_s", (clock_monotonic_ns() - status->started_ns) / NS_PER_SEC);
	json_u64(&json, "reloads", status->reloads);
	json_u64(&json, "reload_errors", status->reload_errors);
	json_u64(&json, "engine_generation", status->engine_generation);
	json_open_array(&json, "scope");
	for (uint32_t i = 0; i < status->settings->n_scopes; i++)
		json_string(&json, NULL, status->settings->scopes[i]);
	json_close_array(&json);
	json_open_array(&json, "processes");
	parent_to_json(status, &json);
	children_to_json(status->children, status->settings, &json);
	json_close_array(&json);
	keeper_to_json(status->keeper, &json);
	json_close_object(&json);
	ssize_t n = json_finish(&json);
	if (n < 0)
		n = snprintf(text, size, "{\"error\": \"the parent's status does not fit\"}");
	return (size_t)n;
}
