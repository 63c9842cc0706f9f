/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: which process came from which, as their events tell. Pure.
 *
 *     event ─▶ tree_event() ─▶ the node of who did it, among its ancestors ─▶ tree_print.h
 *
 * A process is known by its unique id, so that a pid that is used again is another process. What was missed is made up
 * for: a parent that was never seen stands as what the child says of it, or what look() finds; a pid with a new id has
 * ended in between. The parent is the one that forked: being adopted by init changes nothing.
 *
 * Bounded: when there are too many, the one that ended first is folded into its parent, which keeps the numbers; when
 * none has ended, the new one is not taken, and counted.
 */
#pragma once

#include <ringside/events.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_PROCESSES_MAX 16384u
#define TREE_STRING_MAX 512u /* bytes kept of a path, of all arguments, of a container's name */

enum tree_string {
	TREE_EXE, /* path, or the name of the process */
	TREE_ARGS, /* each followed by a NUL, but for the last */
	TREE_CONTAINER,
	TREE_N_STRINGS,
};

struct tree_node {
	struct tree_node *parent, *first, *last, *next, *previous; /* children and siblings, in order of appearance */
	struct tree_node *chain; /* of the same bucket */
	struct tree_node *ended_next; /* those that ended, oldest first */
	uint64_t id;
	uint64_t serial; /* rises; never used again */
	uint64_t version; /* rises when what is said of it changes */
	uint32_t pid, uid;
	bool shown; /* it, or somebody below it, did what was asked for */
	bool held; /* is being worked on: not let go */
	bool guessed; /* known only as somebody's parent */
	bool ended;
	bool exited; /* its exit was seen: code and signal hold */
	uint32_t code, signal;
	uint64_t events, denies;
	uint64_t folded, folded_events, folded_denies; /* of children that were let go, and theirs */
	char *strings[TREE_N_STRINGS];
	size_t sizes[TREE_N_STRINGS];
};

/* What is known elsewhere of a process; strings are borrowed. */
struct tree_known {
	uint64_t id, parent_id;
	uint32_t pid, parent_pid, uid;
	bool only_name; /* TREE_EXE is no path, but the name of the process */
	const char *strings[TREE_N_STRINGS];
	size_t sizes[TREE_N_STRINGS];
};

/* False: nothing, or another process has this pid now. id 0: whoever has this pid. */
typedef bool tree_look_fn(void *data, uint32_t pid, uint64_t id, struct tree_known *ret);

struct tree_counters {
	uint64_t processes; /* taken */
	uint64_t events, denies; /* counted */
	uint64_t folded;
	uint64_t refused; /* events of processes that there was no room for */
	uint64_t lost; /* events that did not come */
};

struct tree;

/* most: processes at a time. look may be NULL. NULL: out of memory. */
struct tree *tree_new(size_t most, tree_look_fn *look, void *data);
struct tree *tree_free(struct tree *tree);

/* Follows an event; counts it when it is one of those that were asked for. Its process's node, valid until the next
 * call; NULL: it has none, or there is no room. */
struct tree_node *tree_event(struct tree *tree, const struct rs_event *event, bool counted);

const struct tree_counters *tree_counters(const struct tree *tree);
/* The node above all, which is no process: its children are those whose parents are not known. */
const struct tree_node *tree_root(const struct tree *tree);
/* From parents to children: begin with the root; NULL after the last. *depth of the root is 0. */
const struct tree_node *tree_next(const struct tree *tree, const struct tree_node *node, size_t *depth);
