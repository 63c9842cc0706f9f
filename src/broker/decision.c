/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/decision.h"

#include "base/clock.h"
#include "base/macro.h"
#include "wire/event_build.h"
#include "wire/event_json.h"

#include <string.h>

#define EXE_SIZE_MAX 256u
#define OTHER_SIZE_MAX 128u

static const char *const answers[DECISION_N_ANSWERS] = {
	[DECISION_NONE] = "none",     [DECISION_ALLOW] = "allow", [DECISION_DENY] = "deny",
	[DECISION_MISSED] = "missed", [DECISION_LATE] = "late",   [DECISION_CRASHED] = "crashed",
};

static const char *const whys[DECISION_N_WHYS] = {
	[DECISION_ALL_ALLOWED] = "all that were asked allowed it",
	[DECISION_AN_AGENT_DENIED] = "an agent denied it",
	[DECISION_A_MISS_ALLOWED] = "an agent did not answer in time; a miss allows",
	[DECISION_A_MISS_DENIED] = "an agent did not answer in time; the operator set deny for that",
	[DECISION_UNGUARDED] = "unguarded: no agent to ask",
	[DECISION_MUTED] = "every agent that could be asked has muted it, or is set to other folders",
	[DECISION_ONLY_SHADOW] = "only shadow agents were asked",
	[DECISION_NO_ROOM] = "too many questions were open",
	[DECISION_WAITING] = "waiting for answers",
};

static const char *const overrides[OVERRIDE_N] = {
	[OVERRIDE_ESSENTIAL] = "it is in the essential set",
	[OVERRIDE_STORM_LIMIT] = "a storm of denies: more than its limit in a minute",
	[OVERRIDE_STORM_PROGRAMS] = "a storm of denies: many programs that ran here before",
};

static const char *const misses[MISS_N] = {
	[MISS_NONE] = "",
	[MISS_DEADLINE] = "missed its deadline",
	[MISS_RING_FULL] = "its event ring was full",
	[MISS_SOCKET_FULL] = "its socket was full",
	[MISS_PENDING_MAX] = "too many questions were open towards it",
	[MISS_CRASHED] = "its session ended without a goodbye",
	[MISS_BENCHED] = "it was benched",
	[MISS_ENDED] = "it was stopped",
	[MISS_NO_ROOM] = "too many questions were open in the engine",
};

const char *decision_override_text(enum decision_override override)
{
	return overrides[override] ? overrides[override] : "";
}

const char *decision_miss_text(enum decision_miss miss)
{
	return misses[miss];
}

const struct rs_event *decision_event(const struct decision *decision)
{
	return (const struct rs_event *)(const void *)(decision + 1);
}

static size_t voices_at(const struct decision *decision)
{
	return sizeof(*decision) + decision->event_size;
}

struct decision_voice *decision_voices(struct decision *decision)
{
	return (struct decision_voice *)(void *)((char *)decision + voices_at(decision));
}

static const char *text_of(const struct decision *decision, uint16_t offset)
{
	const char *texts =
		(const char *)decision + voices_at(decision) + decision->n_voices * sizeof(struct decision_voice);
	return offset && offset < decision->texts_size ? texts + offset : "";
}

static void copy_end(struct event_build *build, struct rs_str *to, const struct rs_event *from, struct rs_str str,
		     size_t most, uint32_t *cut_flags)
{
	size_t size;
	const char *bytes = rs_str_get(from, str, &size);
	size_t room = build->capacity - build->size;
	most = MIN(most, room > 1 ? room - 1 : 0);
	if (size > most) {
		bytes += size - most;
		size = most;
		build->event->flags |= RS_EVENT_CUT;
		if (cut_flags)
			*cut_flags |= RS_FILE_PATH_CUT;
	}
	event_build_str(build, to, bytes, size, size);
}

/* The rest of the body: every string field, what fits of it. */
static void copy_body(struct event_build *build, char *body, const struct rs_event *from,
		      const struct catalogue_event *row)
{
	memcpy(body, (const char *)from + from->body_offset, MIN(from->body_size, row->body_size));
	for (uint32_t i = 0; i < row->n_fields; i++) {
		void *field = body + row->fields[i].offset;
		struct rs_file *file = field;
		struct rs_process *process = field;
		struct rs_addr *address = field;
		struct rs_str *str = field;
		switch (row->fields[i].kind) {
		case CATALOGUE_FILE:
			copy_end(build, &file->path, from, file->path, DECISION_EVENT_SIZE / 2, &file->flags);
			break;
		case CATALOGUE_PROC:
			copy_end(build, &process->exe_path, from, process->exe_path, OTHER_SIZE_MAX, NULL);
			process->cgroup = process->container_id = (struct rs_str){0};
			break;
		case CATALOGUE_ADDR:
			copy_end(build, &address->path, from, address->path, OTHER_SIZE_MAX, NULL);
			break;
		case CATALOGUE_STR:
		case CATALOGUE_STRV:
			copy_end(build, str, from, *str, OTHER_SIZE_MAX, NULL);
			break;
		default:
			break;
		}
	}
}

uint32_t decision_compact(const struct rs_event *event, void *buffer)
{
	struct event_build build;
	char *body = event_build_begin(&build, buffer, DECISION_EVENT_SIZE, event->type);
	struct rs_event *to = build.event;
	to->flags |= event->flags;
	to->id = event->id;
	to->seq = event->seq;
	to->type_seq = event->type_seq;
	to->monotonic_ns = event->monotonic_ns;
	to->wall_ns = event->wall_ns;
	to->deadline_ns = event->deadline_ns;
	to->process = event->process;
	copy_body(&build, body, event, catalogue_find(event->type));
	copy_end(&build, &to->process.exe_path, event, event->process.exe_path, EXE_SIZE_MAX, NULL);
	copy_end(&build, &to->process.container_id, event, event->process.container_id, OTHER_SIZE_MAX, NULL);
	copy_end(&build, &to->process.cgroup, event, event->process.cgroup, OTHER_SIZE_MAX, NULL);
	return (uint32_t)event_build_end(&build);
}

static void voice_json(struct json *json, const struct decision *decision, const struct decision_voice *voice)
{
	const char *reason = text_of(decision, voice->reason);
	json_open_object(json, NULL);
	json_string(json, "agent", text_of(decision, voice->name));
	json_string(json, "version", text_of(decision, voice->version));
	json_string(json, "content_version", text_of(decision, voice->content_version));
	json_string(json, "answer", answers[voice->answer]);
	json_bool(json, "cache", voice->cache);
	json_string(json, "rule", text_of(decision, voice->rule));
	json_string(json, "reason", reason[0] ? reason : misses[voice->miss]);
	json_u64(json, "latency_us", voice->latency_ns / NS_PER_US);
	json_bool(json, "shadow", voice->shadow);
	json_bool(json, "counted", voice->counted);
	json_close_object(json);
}

void decision_json(struct json *json, const char *key, const struct decision *decision)
{
	const struct decision_voice *voices =
		(const struct decision_voice *)(const void *)((const char *)decision + voices_at(decision));

	json_open_object(json, key);
	json_u64(json, "id", decision->id);
	event_json_write(json, "event", decision_event(decision));
	json_string(json, "outcome",
		    decision->why == DECISION_WAITING ? "waiting"
		    : decision->denied                ? "deny"
						      : "allow");
	json_string(json, "why", whys[decision->why]);
	json_u64(json, "latency_us", decision->latency_ns / NS_PER_US);
	json_bool(json, "cached", decision->cached);
	json_open_array(json, "asked");
	for (uint16_t i = 0; i < decision->n_voices; i++)
		voice_json(json, decision, &voices[i]);
	json_close_array(json);
	if (decision->override == OVERRIDE_NONE)
		json_null(json, "overridden");
	else
		json_string(json, "overridden", overrides[decision->override]);
	json_close_object(json);
}
