/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/detect.h"

#include "common/common.h"

#include <errno.h>
#include <string.h>

#define MINUTE_NS (UINT64_C(60) * 1000000000)

/* What the state itself lives on. */
static const enum rs_event_type needed[] = {
	RS_EVENT_FORK,        RS_EVENT_EXEC,   RS_EVENT_EXIT, RS_EVENT_CREDENTIALS, RS_EVENT_CONNECT,
	RS_EVENT_CLOSE_WRITE, RS_EVENT_CREATE, RS_EVENT_MODE, RS_EVENT_RENAME,
};

static int apply_names(struct detect *detect, const struct lists *lists, enum list list, size_t offset)
{
	for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++) {
		int rule = rule_find(lists->patterns[i].text);
		if (rule < 0 || (list == LIST_DENY && !rules[rule].may_deny)) {
			say("%s: expected the name of a rule%s, found \"%s\"; behaviour --rules shows them",
			    lists_name(list), rule < 0 ? "" : " that may deny", lists->patterns[i].text);
			return -EINVAL;
		}
		*((bool *)&detect->rules[rule] + offset) = true;
	}
	return 0;
}

int detect_init(struct detect *detect, const struct lists *lists, const struct state_sizes *sizes)
{
	memset(detect, 0, sizeof(*detect));
	int r = apply_names(detect, lists, LIST_OFF, offsetof(struct detect_rule, off));
	if (r >= 0)
		r = apply_names(detect, lists, LIST_KILL, offsetof(struct detect_rule, kills));
	if (r >= 0)
		r = apply_names(detect, lists, LIST_DENY, offsetof(struct detect_rule, denies));
	for (uint32_t i = 0; i < n_rules; i++)
		for (size_t j = 0; !detect->rules[i].off && j < RULE_TYPES_MAX && rules[i].types[j]; j++)
			detect->by_type[rules[i].types[j]] |= 1u << i;
	return r < 0 ? r : state_init(&detect->state, lists, sizes);
}

void detect_deinit(struct detect *detect)
{
	state_deinit(&detect->state);
}

/* Whether this one is to be told. */
static bool tell(struct detect *detect, const struct detect_found *found, uint64_t now_ns)
{
	struct detect_rule *rule = &detect->rules[found->rule];
	struct process *target = processes_find(&detect->state.processes, found->finding.target_id);
	if (target && target->told >> found->rule & 1)
		return false;
	if (target)
		target->told |= 1u << found->rule;
	rule->found++;
	if (rule->since_ns == 0 || now_ns - rule->since_ns >= MINUTE_NS) {
		rule->since_ns = now_ns;
		rule->in_minute = 0;
	}
	bool told = rule->in_minute++ < DETECT_PER_MIN;
	rule->suppressed += !told;
	return told;
}

static void match(struct detect *detect, const struct rs_event *event, uint32_t set)
{
	for (uint32_t i = 0; set != 0; i++, set >>= 1) {
		if (!(set & 1) || detect->n_found == DETECT_AT_ONCE)
			continue;
		struct detect_found *found = &detect->found[detect->n_found];
		found->rule = i;
		found->finding.target_id = detect->process->id;
		found->finding.text[0] = '\0';
		detect->n_found += rules[i].match(&detect->state, event, detect->process, &found->finding);
	}
}

void detect_event(struct detect *detect, const struct rs_event *event)
{
	detect->n_found = 0;
	detect->deny = false;
	detect->process = state_before(&detect->state, event);
	uint32_t set = event->type < RS_EVENT_TYPE_LIMIT ? detect->by_type[event->type] : 0;
	/* the platform's own processes read and run what nobody else may */
	if (set != 0 && detect->process && !(event->process.flags & RS_PROCESS_PLATFORM))
		match(detect, event, set);
	state_after(&detect->state, event, detect->process);
	uint32_t n = 0;
	for (uint32_t i = 0; i < detect->n_found; i++) {
		bool denies = (event->flags & RS_EVENT_IS_AUTH) && detect->rules[detect->found[i].rule].denies;
		detect->deny |= denies;
		if (tell(detect, &detect->found[i], event->monotonic_ns)) {
			if (n != i)
				detect->found[n] = detect->found[i];
			n++;
		}
	}
	detect->n_found = n;
}

size_t detect_types(const struct detect *detect, enum rs_event_type *types, size_t max)
{
	bool wanted[RS_EVENT_TYPE_LIMIT] = {0};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		wanted[needed[i]] = true;
	for (uint32_t i = 0; i < n_rules; i++)
		for (size_t j = 0; !detect->rules[i].off && j < RULE_TYPES_MAX && rules[i].types[j]; j++) {
			const char *name = rs_event_name(rules[i].types[j]);
			bool auth = name && strncmp(name, "auth_", 5) == 0;
			wanted[rules[i].types[j]] |= !auth || detect->rules[i].denies;
		}
	for (unsigned type = 1; type < RS_EVENT_TYPE_LIMIT && n < max; type++)
		if (wanted[type])
			types[n++] = (enum rs_event_type)type;
	return n;
}
