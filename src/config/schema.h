/* SPDX-License-Identifier: Apache-2.0 */
/* schema: the sections of ringside.yaml. Internal to config/. */
#pragma once

#include "config/config.h"
#include "package/manifest.h"
#include "yaml/schema.h"

/* What the functions of the tables know besides the struct they fill (struct walk, context). */
struct config_context {
	const struct config_source *source;
	struct settings *settings;
	struct manifest manifest; /* of the agent at hand */
	int error; /* -errno of our own */
	/* Whose deadline is the vendor's wish, a bit for each agent: it gives way to the platform's. */
	uint64_t vendors_exec, vendors_open;
};

/* The whole file. */
extern const struct rule config_root[];

/* The agents section, in agent.c. */
void config_agents(struct walk *walk, void *base, const yaml_node_t *node);
