/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant: what an agent can be granted: the keys that a manifest (the vendor asks) and an agent of ringside.yaml (the
 * operator grants) have in common, and what must agree among them. Pure.
 *
 * One code for both, so that a word means the same in both files. Values go into struct settings_agent.
 */
#pragma once

#include "wire/settings.h"
#include "yaml/schema.h"

/* The least and the most of each limit; for a limit that is not set see grant_limit_value(). */
extern const struct rule grant_limits[];
extern const struct rule grant_deadline[];

/* What holds when nobody says otherwise. */
void grant_defaults(struct settings_agent *agent);

/* For rows of a table (RULE_OTHER) whose struct is struct settings_agent. Lists replace what was there, args add. */
void grant_args(struct walk *walk, void *base, const yaml_node_t *node);
void grant_events(struct walk *walk, void *base, const yaml_node_t *node);
void grant_on_miss(struct walk *walk, void *base, const yaml_node_t *node);
void grant_reads(struct walk *walk, void *base, const yaml_node_t *node);
void grant_network(struct walk *walk, void *base, const yaml_node_t *node);
void grant_actions(struct walk *walk, void *base, const yaml_node_t *node);

/* What must agree within one agent; node: its section. */
void grant_check(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *node);

/* Words of `actions`, by their bit; NULL beyond the last. */
const char *grant_action_name(uint32_t bit);
/* The port of "443/tcp", or 0. */
uint16_t grant_port(const char *text);
