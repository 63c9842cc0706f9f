/* SPDX-License-Identifier: Apache-2.0 */
/* tree_test: process trees out of events, also of such as were missed, lie, or are too many. */
#include "tree_print.h"
#include "tree_proc.h"

#include "view.h"
#include "wire/event_build.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static union {
	struct rs_event event;
	char bytes[RS_EVENT_SIZE_MAX];
} memory;

static struct event_build build;

static uint64_t id_of(uint32_t pid, uint64_t start)
{
	return start << 22 | pid;
}

static void *begin(uint16_t type, uint32_t pid, uint64_t start, uint32_t parent, uint64_t parent_start)
{
	void *body = event_build_begin(&build, memory.bytes, sizeof(memory.bytes), type);
	struct rs_process *process = &build.event->process;
	process->pid = pid;
	process->id = start ? id_of(pid, start) : 0;
	process->parent_pid = parent;
	process->parent_id = parent_start ? id_of(parent, parent_start) : 0;
	process->uid = 1000;
	snprintf(process->comm, sizeof(process->comm), "p%u", pid);
	return body;
}

static struct tree_node *finish(struct tree *tree)
{
	event_build_end(&build);
	assert_null(event_check(build.event, build.event->size));
	return tree_event(tree, build.event, true);
}

static struct tree_node *fork_event(struct tree *tree, uint32_t pid, uint64_t start, uint32_t child,
				    uint64_t child_start)
{
	struct rs_event_fork *body = begin(RS_EVENT_FORK, pid, start, 1, 1);
	body->child.pid = child;
	body->child.id = id_of(child, child_start);
	body->child.uid = 1000;
	return finish(tree);
}

static struct tree_node *exec_event(struct tree *tree, uint32_t pid, uint64_t start, uint32_t parent,
				    uint64_t parent_start, const char *exe, const char *args, size_t args_size)
{
	struct rs_event_exec *body = begin(RS_EVENT_EXEC, pid, start, parent, parent_start);
	event_build_str(&build, &build.event->process.exe_path, exe, strlen(exe), RS_PATH_SIZE_MAX);
	event_build_str(&build, &body->args, args, args_size, 4096);
	return finish(tree);
}

static struct tree_node *simple_event(struct tree *tree, uint16_t type, uint32_t pid, uint64_t start, uint32_t parent,
				      uint64_t parent_start)
{
	begin(type, pid, start, parent, parent_start);
	return finish(tree);
}

/* Every node is where its parent says, nobody is their own ancestor, and nothing is counted twice. */
static size_t check(const struct tree *tree)
{
	const struct tree_node *node = tree_root(tree);
	size_t depth = 0, n = 0;
	uint64_t events = tree_root(tree)->folded_events;
	while ((node = tree_next(tree, node, &depth))) {
		size_t up = 0;
		for (const struct tree_node *at = node; at->parent; at = at->parent)
			up++;
		assert_int_equal(up, depth);
		assert_true(!node->next || node->next->previous == node);
		events += node->events + node->folded_events;
		assert_true(++n < 100000);
	}
	assert_int_equal(depth, 0);
	assert_int_equal(events, tree_counters(tree)->events);
	return n;
}

static char *print(const struct tree *tree)
{
	char *words;
	size_t size;
	struct output output = {.file = open_memstream(&words, &size), .width = 80};
	assert_non_null(output.file);
	tree_print(&output, tree);
	fclose(output.file);
	for (const unsigned char *p = (const unsigned char *)words; *p; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p != 0x7f));
	return words;
}

static struct json_object *json_of(const struct tree *tree)
{
	struct text text = {0};
	assert_int_equal(tree_add_json(&text, tree), 0);
	struct json_tokener *tokener = json_tokener_new_ex(100000);
	struct json_object *json = json_tokener_parse_ex(tokener, text_get(&text), (int)text.size + 1);
	assert_non_null(json);
	json_tokener_free(tokener);
	text_deinit(&text);
	return json;
}

static void test_life(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	struct rs_event_exit *exit_body;
	fork_event(tree, 10, 5, 11, 6);
	exec_event(tree, 11, 6, 10, 5, "/bin/sh", "sh\0-c\0a b", 9);
	fork_event(tree, 11, 6, 12, 7);
	exec_event(tree, 12, 7, 11, 6, "/bin/ls", "ls", 2);
	simple_event(tree, RS_EVENT_DENIED, 12, 7, 11, 6);
	exit_body = begin(RS_EVENT_EXIT, 12, 7, 11, 6);
	exit_body->code = 3;
	finish(tree);
	exit_body = begin(RS_EVENT_EXIT, 11, 6, 10, 5);
	exit_body->signal = 9;
	finish(tree);
	assert_int_equal(check(tree), 4);
	char *words = print(tree);
	assert_string_equal(words, "?[1]\n"
				   "  p10[10] uid 1000  (1 event)\n"
				   "    /bin/sh[11] uid 1000: sh -c \"a b\"  (3 events, ended by signal 9)\n"
				   "      /bin/ls[12] uid 1000: ls  (3 events, 1 denied, exit 3)\n"
				   "4 processes, 7 events, 1 denied.\n");
	free(words);
	struct json_object *json = json_of(tree), *sh = view_element(json, "processes", 0);
	sh = view_element(view_element(sh, "children", 0), "children", 0);
	assert_true(view_is(sh, "exe", "/bin/sh"));
	assert_int_equal(view_length(sh, "args"), 3);
	assert_int_equal(view_number(sh, "signal"), 9);
	assert_int_equal(view_number(view_element(sh, "children", 0), "denies"), 1);
	json_object_put(json);
	tree_free(tree);
}

/* The same pid again is another process; the first has ended, though nobody saw it. */
static void test_pid_reuse(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	struct tree_node *old = simple_event(tree, RS_EVENT_OPEN, 20, 5, 10, 1);
	struct tree_node *new = simple_event(tree, RS_EVENT_OPEN, 20, 9, 10, 1);
	assert_ptr_not_equal(old, new);
	assert_true(old->ended && !old->exited && !new->ended);
	/* a late event of the old one is still the old one's */
	assert_ptr_equal(simple_event(tree, RS_EVENT_OPEN, 20, 5, 10, 1), old);
	assert_int_equal(old->events, 2);
	check(tree);
	tree_free(tree);
}

/* No fork was seen: the child's own words place it; a parent that is known by its pid only becomes itself later. */
static void test_missed_forks(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	struct tree_node *child = simple_event(tree, RS_EVENT_OPEN, 31, 5, 30, 0);
	struct tree_node *parent = child->parent;
	assert_true(parent->guessed && parent->pid == 30);
	assert_ptr_equal(simple_event(tree, RS_EVENT_OPEN, 30, 4, 29, 3), parent);
	assert_false(parent->guessed);
	assert_int_equal(parent->parent->pid, 29);
	/* no parent at all */
	assert_ptr_equal(simple_event(tree, RS_EVENT_OPEN, 99, 5, 0, 0)->parent, tree_root(tree));
	/* the child spoke before its fork was told */
	struct tree_node *early = simple_event(tree, RS_EVENT_OPEN, 41, 5, 0, 0);
	fork_event(tree, 30, 4, 41, 5);
	assert_ptr_equal(early->parent, parent);
	/* adopted by init: where it came from stays */
	assert_ptr_equal(simple_event(tree, RS_EVENT_OPEN, 31, 5, 1, 1)->parent, parent);
	check(tree);
	tree_free(tree);
}

/* Who did nothing that was asked for stands in the tree only above somebody who did. */
static void test_shown(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	for (uint32_t pid = 11; pid < 20; pid++) {
		begin(RS_EVENT_OPEN, pid, 5, 10, 4);
		event_build_end(&build);
		tree_event(tree, build.event, pid == 15);
	}
	char *words = print(tree);
	assert_string_equal(words, "?[10]\n  p15[15] uid 1000  (1 event)\n10 processes, 1 event.\n");
	free(words);
	struct json_object *json = json_of(tree);
	assert_int_equal(view_length(view_element(json, "processes", 0), "children"), 1);
	json_object_put(json);
	tree_free(tree);
}

static void test_lost(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	struct rs_event_lost *body = begin(RS_EVENT_LOST, 0, 0, 0, 0);
	body->count = 1204;
	assert_null(finish(tree));
	char *words = print(tree);
	assert_non_null(strstr(words, "1,204 events did not come"));
	free(words);
	tree_free(tree);
}

/* Bounded: those that ended first go, their numbers stay; with all alive nobody else is taken. */
static void test_bounded(void **state)
{
	struct tree *tree = tree_new(10, NULL, NULL);
	for (uint32_t i = 0; i < 1000; i++) {
		fork_event(tree, 5, 1, 100 + i, 2);
		simple_event(tree, RS_EVENT_OPEN, 100 + i, 2, 5, 1);
		simple_event(tree, RS_EVENT_EXIT, 100 + i, 2, 5, 1);
		assert_true(check(tree) <= 10);
	}
	assert_int_equal(tree_counters(tree)->refused, 0);
	assert_true(tree_counters(tree)->folded >= 990);
	char *words = print(tree);
	assert_non_null(strstr(words, "more that ended  (1,98"));
	free(words);
	for (uint32_t i = 0; i < 100; i++)
		simple_event(tree, RS_EVENT_OPEN, 5000 + i, 3, 5, 1);
	assert_int_equal(check(tree), 10);
	assert_true(tree_counters(tree)->refused > 80);
	tree_free(tree);
}

/* Whatever is claimed: no cycles, no crash, everything adds up. */
static void test_lies(void **state)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct tree *tree = tree_new(seed % 3 ? 12 : 3, NULL, NULL);
		unsigned at = seed;
		for (int i = 0; i < 2000; i++) {
			unsigned r[6];
			for (size_t k = 0; k < 6; k++) {
				at = at * 1103515245 + 12345;
				r[k] = at >> 16;
			}
			uint32_t pid = r[0] % 8, other = r[1] % 8;
			if (r[2] % 3 == 0)
				fork_event(tree, pid + 1, r[3] % 3, other, r[4] % 3);
			else
				simple_event(tree, r[2] % 3 == 1 ? RS_EVENT_EXIT : RS_EVENT_OPEN, pid, r[3] % 3, other,
					     r[4] % 3);
			check(tree);
		}
		free(print(tree));
		json_object_put(json_of(tree));
		tree_free(tree);
	}
}

/* A chain deeper than a screen is wide, and than a stack would like. */
static void test_deep(void **state)
{
	struct tree *tree = tree_new(5000, NULL, NULL);
	struct tree_trail trail = {0};
	struct tree_node *node = NULL;
	char *words;
	size_t size;
	struct output output = {.file = open_memstream(&words, &size), .width = 80};
	for (uint32_t i = 1; i < 4000; i++)
		fork_event(tree, i, 1, i + 1, 1);
	node = simple_event(tree, RS_EVENT_OPEN, 4000, 1, 3999, 1);
	tree_print_event(&output, &trail, node, build.event, OUTPUT_PLAIN);
	fclose(output.file);
	assert_true(size < 16384);
	free(words);
	words = print(tree);
	assert_non_null(strstr(words, " deeper) "));
	free(words);
	json_object_put(json_of(tree));
	tree_free(tree);
}

static void test_hostile(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	char exe[4097], args[4096];
	memset(exe, 'x', sizeof(exe) - 1);
	exe[4096] = '\0';
	memcpy(exe, "/\033[2J\n\xff\xe2\x80\xae", 10);
	memset(args, '\x1b', sizeof(args));
	exec_event(tree, 7, 1, 1, 1, exe, args, sizeof(args));
	exec_event(tree, 8, 1, 7, 1, "\xe4\xb8\xad\xe6\x96\x87", "\0\0\0", 3);
	char *words = print(tree);
	assert_non_null(strstr(words, "/\\x1b[2J\\n\\xff\\u{202e}x"));
	assert_true(strlen(words) < 8192);
	free(words);
	json_object_put(json_of(tree));
	tree_free(tree);
}

/* Ancestors are said once, and again when they became something else. */
static void test_trail(void **state)
{
	struct tree *tree = tree_new(100, NULL, NULL);
	struct tree_trail trail = {0};
	char *words;
	size_t size;
	struct output output = {.file = open_memstream(&words, &size), .width = 80};
	const struct tree_node *node = exec_event(tree, 11, 6, 10, 5, "/bin/sh", "sh", 2);
	build.event->wall_ns = UINT64_C(1795262584000000000);
	tree_print_event(&output, &trail, node, build.event, OUTPUT_PLAIN);
	node = simple_event(tree, RS_EVENT_EXIT, 11, 6, 10, 5);
	build.event->wall_ns = UINT64_C(1795262584000000000);
	tree_print_event(&output, &trail, node, build.event, OUTPUT_PLAIN);
	fclose(output.file);
	assert_string_equal(words, "?[10]\n"
				   "  /bin/sh[11] uid 1000: sh\n"
				   "    12:03:04.000000 0 exec args=[\"sh\"]\n"
				   "    12:03:04.000000 0 exit\n");
	free(words);
	tree_free(tree);
}

/* Those who began before anybody followed: /proc tells, as far up as there is anybody. */
static void test_look(void **state)
{
	struct tree_proc proc;
	struct tree_known known;
	struct tree *tree = tree_new(100, tree_proc_look, &proc);
	uint32_t pid = (uint32_t)getpid();
	assert_true(tree_proc_look(&proc, pid, 0, &known));
	assert_int_equal(known.parent_pid, getppid());
	assert_non_null(memmem(known.strings[TREE_EXE], known.sizes[TREE_EXE], "tree", 4));
	assert_false(tree_proc_look(&proc, pid, 12345, &known)); /* another one's pid now */
	assert_false(tree_proc_look(&proc, 0x7fffffff, 0, &known));
	/* a child of this test */
	struct tree_node *node = simple_event(tree, RS_EVENT_OPEN, 0x3fffff, 0, pid, 0);
	assert_int_equal(node->parent->pid, pid);
	assert_false(node->parent->guessed);
	assert_int_equal(node->parent->parent->pid, getppid());
	check(tree);
	tree_free(tree);
}

static int setup(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),  cmocka_unit_test(test_pid_reuse), cmocka_unit_test(test_missed_forks),
		cmocka_unit_test(test_lost),  cmocka_unit_test(test_shown),     cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_lies),  cmocka_unit_test(test_deep),      cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_trail), cmocka_unit_test(test_look),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
