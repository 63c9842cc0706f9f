/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/report.h"

#include "common/common.h"

#include <inttypes.h>

#define NS_PER_MS UINT64_C(1000000)
#define EVENT_JSON_SIZE (64u << 10)

static const char *const severities[] = {"Unknown", "Informational", "Low", "Medium", "High", "Critical"};
static const char *const confidences[] = {"Unknown", "Low", "Medium", "High"};

enum confidence report_confidence(const struct state *state, const struct report *report)
{
	const struct process *at = report->process;
	if (state_is_unsure(state, report->event))
		return CONFIDENCE_LOW;
	for (unsigned depth = 0; depth < PROCESS_CHAIN_MAX; depth++) {
		const struct process *parent = processes_parent(&state->processes, at);
		if (!parent)
			return at->pid == 1 || at->parent_pid == 1 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
		at = parent;
	}
	return CONFIDENCE_HIGH;
}

static void process_json(struct text *text, const struct process *process)
{
	text_raw(text, "{\"pid\":%u,\"uid\":\"%" PRIu64 "\",\"name\":", process->pid, process->id);
	text_string(text, process->comm);
	text_raw(text, ",\"file\":{\"path\":");
	text_string(text, process->exe);
	text_raw(text, "},\"user\":{\"uid\":\"%u\"}", process->uid);
}

/* Each within the one that it started. */
static void chain_json(struct text *text, const struct state *state, const struct process *process)
{
	unsigned depth = 0;
	for (; process && depth < PROCESS_CHAIN_MAX; depth++) {
		text_raw(text, depth ? ",\"parent_process\":" : "");
		process_json(text, process);
		process = processes_parent(&state->processes, process);
	}
	for (; depth > 0; depth--)
		text_raw(text, "}");
}

static void info_json(struct text *text, const struct report *report)
{
	const struct rule *rule = report->rule;
	text_raw(text, "\"finding_info\":{\"uid\":\"behaviour-%" PRIu64 "-%" PRIu64 "\",\"title\":", report->event->id,
		 report->number);
	text_string(text, rule->title);
	text_raw(text, ",\"analytic\":{\"type_id\":1,\"type\":\"Rule\",\"uid\":\"%s\",\"name\":\"%s\"},\"attacks\":[",
		 rule->name, rule->name);
	for (size_t i = 0; i < RULE_TECHNIQUES_MAX && rule->techniques[i]; i++)
		text_raw(text, "%s{\"technique\":{\"uid\":\"%s\"}}", i ? "," : "", rule->techniques[i]);
	text_raw(text, "]}");
}

static void evidence_json(struct text *text, const struct report *report)
{
	static char event[EVENT_JSON_SIZE];
	ssize_t size = rs_event_to_json(report->event, event, sizeof(event));
	text_raw(text, "\"evidences\":[{\"data\":");
	if (size >= 0)
		text_raw(text, "%s", event);
	else
		text_raw(text, "{\"event\":\"%s\",\"id\":%" PRIu64 "}", rs_event_name(report->event->type),
			 report->event->id);
	text_raw(text, "}]");
}

void report_json(struct text *text, const struct state *state, const struct report *report)
{
	enum confidence confidence = report_confidence(state, report);
	uint8_t severity = report->rule->severity;
	text_raw(text,
		 "{\"class_uid\":2004,\"category_uid\":2,\"activity_id\":1,\"type_uid\":200401,\"time\":%" PRIu64
		 ",\"severity_id\":%u,\"severity\":\"%s\",\"confidence_id\":%d,\"confidence\":\"%s\",\"status_id\":1,"
		 "\"is_alert\":true,\"rule\":\"%s\",\"message\":",
		 report->event->wall_ns / NS_PER_MS, severity, severities[severity], (int)confidence,
		 confidences[confidence], report->rule->name);
	text_string(text, report->finding->text);
	text_raw(
		text,
		",\"metadata\":{\"version\":\"1.8.0\",\"product\":{\"name\":\"behaviour\",\"vendor_name\":\"Ringside\","
		"\"version\":\"%s\"}},",
		rs_version());
	info_json(text, report);
	/* action_id of the profile security_control: 1 allowed, 2 denied */
	text_raw(text, ",\"action_id\":%d,\"actor\":{\"process\":", report->denied ? 2 : 1);
	chain_json(text, state, report->process);
	text_raw(text, "},");
	evidence_json(text, report);
	if (report->action) {
		text_raw(text, ",\"asked\":{\"action\":\"%s\",\"process\":%" PRIu64 ",\"result\":", report->action,
			 report->finding->target_id);
		text_string(text, report->result);
		text_raw(text, "}");
	}
	text_raw(text, "}");
}
