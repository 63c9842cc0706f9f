/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include "base/macro.h"

#include <string.h>

#define BUCKETS 4096u
#define ANCESTORS_MAX 64u /* that are looked for at once */
#define FOLD_TRIES 256u /* nodes that ended but have children are passed by, up to so many */

struct tree {
	struct tree_node root;
	struct tree_node *buckets[BUCKETS]; /* by pid, so that all owners of one stand together */
	struct tree_node *ended_first, *ended_last;
	size_t n, most;
	uint64_t serial;
	tree_look_fn *look;
	void *data;
	struct tree_counters counters;
};

static void node_free(struct tree_node *node)
{
	for (size_t i = 0; i < TREE_N_STRINGS; i++)
		free(node->strings[i]);
	free(node);
}

struct tree *tree_new(size_t most, tree_look_fn *look, void *data)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return NULL;
	tree->most = most;
	tree->look = look;
	tree->data = data;
	return tree;
}

struct tree *tree_free(struct tree *tree)
{
	if (!tree)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct tree_node *node = tree->buckets[i], *chain; node; node = chain) {
			chain = node->chain;
			node_free(node);
		}
	}
	free(tree);
	return NULL;
}

const struct tree_counters *tree_counters(const struct tree *tree)
{
	return &tree->counters;
}

const struct tree_node *tree_root(const struct tree *tree)
{
	return &tree->root;
}

const struct tree_node *tree_next(const struct tree *tree, const struct tree_node *node, size_t *depth)
{
	if (node->first) {
		++*depth;
		return node->first;
	}
	while (node != &tree->root && !node->next) {
		node = node->parent;
		--*depth;
	}
	return node == &tree->root ? NULL : node->next;
}

/* -- places in the tree ------------------------------------------------------------------------------------- */

static void detach(struct tree_node *node)
{
	struct tree_node *parent = node->parent;
	*(node->previous ? &node->previous->next : &parent->first) = node->next;
	*(node->next ? &node->next->previous : &parent->last) = node->previous;
	node->next = node->previous = node->parent = NULL;
}

static void show(struct tree_node *node)
{
	for (; node && !node->shown; node = node->parent)
		node->shown = true;
}

static void attach(struct tree_node *parent, struct tree_node *node)
{
	if (node->shown)
		show(parent);
	node->parent = parent;
	node->previous = parent->last;
	*(parent->last ? &parent->last->next : &parent->first) = node;
	parent->last = node;
}

/* No event may make a process its own ancestor, whatever a recording claims. */
static bool is_above(const struct tree_node *node, const struct tree_node *of)
{
	for (; of; of = of->parent)
		if (of == node)
			return true;
	return false;
}

static struct tree_node **bucket_of(struct tree *tree, uint32_t pid)
{
	return &tree->buckets[pid % BUCKETS];
}

static struct tree_node *find(struct tree *tree, uint32_t pid, uint64_t id)
{
	for (struct tree_node *node = *bucket_of(tree, pid); node; node = node->chain)
		if (node->pid == pid && (id ? node->id == id : !node->ended))
			return node;
	return NULL;
}

static void end(struct tree *tree, struct tree_node *node)
{
	if (node->ended)
		return;
	node->ended = true;
	*(tree->ended_last ? &tree->ended_last->ended_next : &tree->ended_first) = node;
	tree->ended_last = node;
}

/* Lets a node go that has no children; before: the one before it among those that ended. */
static void fold(struct tree *tree, struct tree_node *node, struct tree_node *before)
{
	struct tree_node **at = bucket_of(tree, node->pid), *parent = node->parent;
	while (*at != node)
		at = &(*at)->chain;
	*at = node->chain;
	*(before ? &before->ended_next : &tree->ended_first) = node->ended_next;
	if (tree->ended_last == node)
		tree->ended_last = before;
	parent->folded += node->folded + 1;
	parent->folded_events += node->folded_events + node->events;
	parent->folded_denies += node->folded_denies + node->denies;
	detach(node);
	node_free(node);
	tree->n--;
	tree->counters.folded++;
}

static bool make_room(struct tree *tree, const struct tree_node *keep)
{
	struct tree_node *before = NULL, *node = tree->ended_first;
	if (tree->n < tree->most)
		return true;
	for (size_t i = 0; node && i < FOLD_TRIES; i++, before = node, node = node->ended_next) {
		if (node->first || node->held || node == keep)
			continue;
		fold(tree, node, before);
		return true;
	}
	return false;
}

/* Whoever had this pid before has ended, seen or not. parent is not let go to make room. NULL: there is none. */
static struct tree_node *add(struct tree *tree, struct tree_node *parent, uint32_t pid, uint64_t id)
{
	if (!make_room(tree, parent))
		return NULL;
	struct tree_node *node = calloc(1, sizeof(*node)), **bucket = bucket_of(tree, pid);
	if (!node)
		return NULL;
	for (struct tree_node *other = *bucket; other; other = other->chain)
		if (other->pid == pid)
			end(tree, other);
	*node = (struct tree_node){.id = id, .pid = pid, .serial = ++tree->serial, .chain = *bucket};
	*bucket = node;
	attach(parent, node);
	tree->n++;
	tree->counters.processes++;
	return node;
}

/* -- what is known of a process ------------------------------------------------------------------------------ */

/* What is longer keeps its beginning. */
static void set_string(struct tree_node *node, enum tree_string which, const char *bytes, size_t size)
{
	size = MIN(size, (size_t)TREE_STRING_MAX);
	if (size == 0 ||
	    (node->strings[which] && node->sizes[which] == size && memcmp(node->strings[which], bytes, size) == 0))
		return;
	char *copy = malloc(size);
	if (!copy)
		return;
	memcpy(copy, bytes, size);
	free(node->strings[which]);
	node->strings[which] = copy;
	node->sizes[which] = size;
	node->version++;
}

static struct tree_known known_of(const struct rs_event *event, const struct rs_process *process)
{
	struct tree_known known = {.id = process->id,
				   .parent_id = process->parent_id,
				   .pid = process->pid,
				   .parent_pid = process->parent_pid,
				   .uid = process->uid};
	known.strings[TREE_EXE] = rs_str_get(event, process->exe_path, &known.sizes[TREE_EXE]);
	known.strings[TREE_CONTAINER] = rs_str_get(event, process->container_id, &known.sizes[TREE_CONTAINER]);
	if (known.sizes[TREE_EXE] == 0) {
		known.only_name = true;
		known.strings[TREE_EXE] = process->comm;
		known.sizes[TREE_EXE] = strnlen(process->comm, sizeof(process->comm));
	}
	return known;
}

static void learn(struct tree_node *node, const struct tree_known *known)
{
	if (node->uid != known->uid || node->guessed)
		node->version++;
	node->uid = known->uid;
	node->guessed = false;
	for (size_t i = 0; i < TREE_N_STRINGS; i++)
		if (i != TREE_EXE || !known->only_name || node->sizes[i] == 0)
			set_string(node, (enum tree_string)i, known->strings[i], known->sizes[i]);
}

/* The ancestors of somebody who was not seen to be forked: those that are known, and above them what look() finds. */
static struct tree_node *parent_of(struct tree *tree, uint32_t pid, uint64_t id)
{
	struct tree_node *top = NULL, *bottom = NULL;
	for (size_t i = 0; pid != 0 && i < ANCESTORS_MAX; i++) {
		struct tree_known known;
		struct tree_node *node = find(tree, pid, id);
		if (node || !(node = add(tree, &tree->root, pid, id ? id : pid)))
			break; /* from here on it is known, or there is no room */
		node->guessed = node->held = true;
		if (top) {
			detach(top);
			attach(node, top);
		}
		top = node;
		bottom = bottom ? bottom : node;
		if (!tree->look || !tree->look(tree->data, pid, id, &known)) {
			pid = 0;
			break;
		}
		node->id = known.id;
		learn(node, &known);
		pid = known.parent_pid;
		id = known.parent_id;
	}
	for (struct tree_node *node = bottom; node; node = node->parent)
		node->held = false;
	struct tree_node *above = pid ? find(tree, pid, id) : NULL;
	if (top && above && !is_above(top, above)) {
		detach(top);
		attach(above, top);
	}
	return bottom ? bottom : above ? above : &tree->root;
}

static struct tree_node *node_of(struct tree *tree, const struct tree_known *known)
{
	uint64_t id = known->id ? known->id : known->pid;
	struct tree_node *node = find(tree, known->pid, id), *parent;
	if (!node && (node = find(tree, known->pid, known->pid))) {
		/* somebody's child knew its pid only */
		if (node->guessed && !node->ended)
			node->id = id;
		else
			node = NULL;
	}
	if (node && !node->guessed)
		return node;
	if (node)
		node->held = true;
	parent = parent_of(tree, known->parent_pid, known->parent_id);
	if (node)
		node->held = false;
	if (!node)
		node = add(tree, parent, known->pid, id);
	else if (node->parent == &tree->root && !is_above(node, parent)) {
		detach(node);
		attach(parent, node);
	}
	return node;
}

/* -- events -------------------------------------------------------------------------------------------------- */

static void on_fork(struct tree *tree, struct tree_node *parent, const struct rs_event *event)
{
	const struct rs_event_fork *body = rs_event_fork(event);
	if (!body || body->child.pid == 0 || body->child.pid == parent->pid)
		return;
	struct tree_known known = known_of(event, &body->child);
	uint64_t id = known.id ? known.id : known.pid;
	struct tree_node *child = find(tree, known.pid, id);
	if (!child)
		child = add(tree, parent, known.pid, id);
	if (!child)
		return;
	if (child->parent == &tree->root && !is_above(child, parent)) {
		detach(child);
		attach(parent, child);
	}
	learn(child, &known);
	/* until it runs another program, it is what its parent is */
	for (size_t i = 0; i < TREE_N_STRINGS; i++)
		if (child->sizes[i] == 0)
			set_string(child, (enum tree_string)i, parent->strings[i], parent->sizes[i]);
}

static void on_exec(struct tree *tree, struct tree_node *node, const struct rs_event *event)
{
	const struct rs_event_exec *body = rs_event_exec(event);
	size_t size;
	if (!body)
		return;
	const char *args = rs_str_get(event, body->args, &size);
	set_string(node, TREE_ARGS, args, size);
}

static void on_exit_(struct tree *tree, struct tree_node *node, const struct rs_event *event)
{
	const struct rs_event_exit *body = rs_event_exit(event);
	if (!body)
		return;
	node->exited = true;
	node->code = body->code;
	node->signal = body->signal;
	end(tree, node);
}

static void on_denied(struct tree *tree, struct tree_node *node, const struct rs_event *event)
{
	node->denies++;
	tree->counters.denies++;
}

static const struct {
	uint16_t type;
	bool only_counted;
	void (*act)(struct tree *tree, struct tree_node *node, const struct rs_event *event);
} handlers[] = {
	{RS_EVENT_FORK, false, on_fork},
	{RS_EVENT_EXEC, false, on_exec},
	{RS_EVENT_EXIT, false, on_exit_},
	{RS_EVENT_DENIED, true, on_denied},
};

struct tree_node *tree_event(struct tree *tree, const struct rs_event *event, bool counted)
{
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (lost)
		tree->counters.lost += lost->count;
	if (event->process.pid == 0)
		return NULL;
	struct tree_known known = known_of(event, &event->process);
	struct tree_node *node = node_of(tree, &known);
	if (!node) {
		tree->counters.refused++;
		return NULL;
	}
	learn(node, &known);
	if (counted)
		show(node);
	node->events += counted;
	tree->counters.events += counted;
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
		if (handlers[i].type == event->type && (counted || !handlers[i].only_counted))
			handlers[i].act(tree, node, event);
	return node;
}
