/* SPDX-License-Identifier: Apache-2.0 */
#include "read_json.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static bool event_of(struct json_object *root, struct read_event *ret)
{
	struct json_object *name, *seq, *body, *count;
	if (!json_object_object_get_ex(root, "event", &name) || !json_object_object_get_ex(root, "seq", &seq))
		return false;
	*ret = (struct read_event){.seq = json_object_get_uint64(seq)};
	snprintf(ret->name, sizeof(ret->name), "%s", json_object_get_string(name));
	if (strcmp(ret->name, "lost") != 0)
		return true;
	/* its fields are in an object of its name, or beside the head */
	if (!json_object_object_get_ex(root, "lost", &body))
		body = root;
	if (!json_object_object_get_ex(body, "count", &count))
		return false;
	ret->lost = json_object_get_uint64(count);
	return true;
}

bool read_event(const char *line, struct read_event *ret)
{
	struct json_object *root = json_tokener_parse(line);
	bool ok = root && event_of(root, ret);
	json_object_put(root);
	return ok;
}

bool read_agent_field(const char *status, const char *agent, const char *field, char *ret_text, size_t size)
{
	struct json_object *root = json_tokener_parse(status), *agents, *name, *value;
	bool found = false;
	if (root && json_object_object_get_ex(root, "agents", &agents))
		for (size_t i = 0; i < json_object_array_length(agents) && !found; i++) {
			struct json_object *entry = json_object_array_get_idx(agents, i);
			found = json_object_object_get_ex(entry, "name", &name) &&
				strcmp(json_object_get_string(name), agent) == 0 &&
				json_object_object_get_ex(entry, field, &value);
		}
	if (found)
		snprintf(ret_text, size, "%s", json_object_get_string(value));
	json_object_put(root);
	return found;
}
