/* SPDX-License-Identifier: Apache-2.0 */
/* tree_print: a tree of processes as lines, live and at its end, and as JSON. */
#pragma once

#include "output.h"
#include "tree.h"

#define TREE_DEPTH_MAX 40u /* levels that are shown above a process; the rest is a number */

/* What stands above the last line, so that ancestors are said once. */
struct tree_trail {
	struct {
		uint64_t serial, version;
	} levels[TREE_DEPTH_MAX + 1];
	size_t n;
};

/* The event below its process and that one's ancestors. node may be NULL. */
void tree_print_event(const struct output *output, struct tree_trail *trail, const struct tree_node *node,
		      const struct rs_event *event, enum output_colour colour);

/* All that ran, with numbers. */
void tree_print(const struct output *output, const struct tree *tree);
/* {"processes":[{…,"children":[…]}],…}, for a terminal. -ENOMEM. */
int tree_add_json(struct text *text, const struct tree *tree);
