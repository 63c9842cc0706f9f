/* SPDX-License-Identifier: Apache-2.0 */
/* Records made here, without a kernel: what becomes of each, and what a record that makes no sense does. */
#include "base/macro.h"
#include "sensor/bpf_calls.h"
#include "sensor/bpf_event.h"
#include "sensor/process_proc.h"
#include "sensor/process_table_internal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A record under construction. */
struct draft {
	_Alignas(8) char bytes[32768];
	size_t size;
};

static struct bpf_event_maker maker;

static int setup(void **state)
{
	/* an empty /proc: nothing is learnt but from records */
	char dir[] = "/tmp/bpf_event_test.XXXXXX";
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(dir);
	assert_int_equal(process_table_new_at(fd, -1, 100, &maker.processes), 0);
	process_table_set_live(maker.processes, true);
	return 0;
}

static int teardown(void **state)
{
	maker.processes = process_table_free(maker.processes);
	return 0;
}

static struct record_process process(uint32_t pid, uint64_t start_ns, uint32_t parent)
{
	return (struct record_process){
		.start_ns = start_ns, .pid = pid, .tid = pid, .parent_pid = parent, .comm = "test"};
}

static struct record *draft_begin(struct draft *draft, uint16_t type, struct record_process actor)
{
	memset(draft, 0, sizeof(*draft));
	struct record *record = (void *)draft->bytes;
	*record = (struct record){.type = type, .monotonic_ns = 1000, .process = actor};
	draft->size = sizeof(*record);
	return record;
}

static void draft_part(struct draft *draft, uint16_t kind, const void *head, size_t head_size, const void *tail,
		       size_t tail_size)
{
	struct record_part part = {.kind = kind, .size = (uint32_t)(head_size + tail_size)};
	char *at = draft->bytes + draft->size;
	memcpy(at, &part, sizeof(part));
	memcpy(at + sizeof(part), head, head_size);
	memcpy(at + sizeof(part) + head_size, tail, tail_size);
	draft->size += ALIGN_UP(sizeof(part) + head_size + tail_size, 8);
}

static void draft_file(struct draft *draft, struct record_file file, const char *text, const char *walk,
		       size_t walk_size)
{
	char tail[8300];
	file.text_size = (uint16_t)strlen(text);
	file.walk_size = (uint16_t)walk_size;
	memcpy(tail, text, file.text_size);
	memcpy(tail + file.text_size, walk, walk_size);
	draft_part(draft, RECORD_PART_FILE, &file, sizeof(file), tail, file.text_size + walk_size);
}

static void draft_text(struct draft *draft, const char *bytes, size_t size)
{
	draft_part(draft, RECORD_PART_TEXT, "", 0, bytes, size);
}

static enum bpf_event_result make(struct draft *draft, struct rs_event **ret)
{
	((struct record *)(void *)draft->bytes)->size = (uint32_t)draft->size;
	enum bpf_event_result result = bpf_event_make(&maker, draft->bytes, draft->size, ret);
	if (result == BPF_EVENT_OK)
		assert_null(event_check(*ret, (*ret)->size));
	return result;
}

static void test_paths(void **state)
{
	static const struct {
		const char *text, *walk;
		size_t walk_size;
		uint64_t ino;
		const char *path;
		bool lexical;
	} cases[] = {
		{"", "c\0b\0a", 6, 1, "/a/b/c", false},
		{"", "", 0, 1, "/", false}, /* the root itself */
		{"", "", 0, 0, "", false}, /* no file at all */
		{"x", "b\0a", 4, 0, "/a/b/x", true},
		{"../x/./y//z/", "b\0a", 4, 0, "/a/x/y/z", true},
		{"../../../..", "b\0a", 4, 0, "/", true},
		{"/abs/../x", "", 0, 0, "/x", true},
		{"/../x", "jail", 5, 0, "/jail/x", true}, /* a root of its own is not climbed */
		{"..x/...", "a", 2, 0, "/a/..x/...", true},
		{".", "a", 2, 0, "/a", true},
		{"", "cut", 3, 1, "/cut", false}, /* a walk that lost its last NUL */
		{"new\nline\xff", "", 0, 0, "/new\nline\xff", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record_file file = {.ino = cases[i].ino,
					   .text_size = (uint16_t)strlen(cases[i].text),
					   .walk_size = (uint16_t)cases[i].walk_size};
		char path[BPF_PATH_SIZE_MAX];
		bool lexical;
		size_t size = bpf_path_join(&file, cases[i].text, cases[i].walk, path, &lexical);
		assert_string_equal(path, cases[i].path);
		assert_int_equal(size, strlen(cases[i].path));
		assert_int_equal(lexical, cases[i].lexical);
	}
}

/* As many names as can be, and a walk and a text of full length: there is room. */
static void test_longest_paths(void **state)
{
	static char text[RECORD_PATH_MAX], walk[RECORD_PATH_MAX + 8], path[BPF_PATH_SIZE_MAX];
	bool lexical;
	for (int names = 0; names < 2; names++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = names ? "a/"[i % 2] : 'a';
		for (size_t i = 0; i < sizeof(walk); i++)
			walk[i] = names ? (i % 2 ? '\0' : 'b') : 'b';
		struct record_file file = {.text_size = sizeof(text), .walk_size = sizeof(walk)};
		size_t size = bpf_path_join(&file, text, walk, path, &lexical);
		assert_true(size < sizeof(path) && strlen(path) == size);
		for (size_t i = 0; i < sizeof(walk); i++)
			walk[i] = '\0'; /* names of nothing */
		size = bpf_path_join(&file, text, walk, path, &lexical);
		assert_true(size < sizeof(path) && strlen(path) == size);
	}
}

static void test_life_of_a_process(void **state)
{
	static struct draft draft;
	struct rs_event *event;
	struct record_process parent = process(10, 50000000, 1), child = process(11, 70000000, 10);
	child.parent_start_ns = parent.start_ns;

	draft_begin(&draft, RS_EVENT_EXEC, parent)->numbers[0] = 2;
	draft_file(&draft, (struct record_file){.ino = 7, .dev = 8 << 20 | 1, .mode = S_IFREG | 0755}, "", "sh\0bin",
		   7);
	draft_text(&draft, "", 0);
	draft_text(&draft, "sh\0-c", 6);
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	assert_string_equal(rs_str_get(event, event->process.exe_path, NULL), "/bin/sh");
	assert_true(event->process.exe.ino == 7 && event->process.exe.dev == 0x801);
	assert_int_equal(event->process.flags, 0);

	draft_begin(&draft, RS_EVENT_FORK, parent);
	draft_part(&draft, RECORD_PART_PROCESS, &child, sizeof(child), "", 0);
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	const struct rs_process *made = &rs_event_fork(event)->child;
	assert_true(made->id == process_id(7, 11) && made->parent_id == event->process.id);
	assert_string_equal(rs_str_get(event, made->exe_path, NULL), "/bin/sh");

	/* its first thread to say so changes its users; the second says nothing new */
	child.uid = child.euid = 1000;
	draft_begin(&draft, RS_EVENT_CREDENTIALS, child)->numbers[0] = 0;
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	assert_int_equal(rs_event_credentials(event)->old_uid, 0);
	assert_int_equal(event->process.uid, 1000);
	assert_string_equal(rs_str_get(event, rs_event_credentials(event)->call, NULL), "setuid");
	assert_int_equal(make(&draft, &event), BPF_EVENT_NOTHING);

	/* two threads were last: the process ends once, and stays ended */
	draft_begin(&draft, RS_EVENT_EXIT, child)->numbers[0] = 3 << 8;
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	assert_int_equal(rs_event_exit(event)->code, 3);
	assert_int_equal(make(&draft, &event), BPF_EVENT_NOTHING);
	assert_null(process_table_get(maker.processes, 11));

	/* the pid again, at another time */
	child.start_ns += 20000000;
	draft_begin(&draft, RS_EVENT_EXIT, child)->numbers[0] = 9 | 0x80;
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	assert_int_equal(rs_event_exit(event)->signal, 9);
	assert_true(event->process.id == process_id(9, 11));
	assert_true(event->process.flags & RS_PROCESS_PARTIAL); /* nobody told of its program */
}

static void test_addresses(void **state)
{
	static struct draft draft;
	struct rs_event *event;
	size_t size;
	static const struct {
		const char *path;
		size_t size, expected;
	} names[] = {{"/run/x\0\0\0", 9, 6}, {"\0abstract\0", 10, 10}, {"", 0, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct record_addr addr = {.family = AF_UNIX, .path_size = (uint32_t)names[i].size};
		draft_begin(&draft, RS_EVENT_BIND, process(10, 1, 1));
		draft_part(&draft, RECORD_PART_ADDR, &addr, sizeof(addr), names[i].path, names[i].size);
		assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
		const char *path = rs_str_get(event, rs_event_bind(event)->local.path, &size);
		assert_int_equal(size, names[i].expected);
		assert_memory_equal(path, names[i].path, size);
	}
}

static void test_no_question(void **state)
{
	static struct draft draft;
	struct rs_event *event;
	draft_begin(&draft, RS_EVENT_DNS_QUESTION, process(10, 1, 1));
	draft_part(&draft, RECORD_PART_ADDR, &(struct record_addr){.family = AF_INET}, sizeof(struct record_addr), "",
		   0);
	draft_text(&draft, "not a question", 14);
	assert_int_equal(make(&draft, &event), BPF_EVENT_NO_DNS);
}

/* Two files with the longest paths, and a program with one: the event has room, and says what was cut. */
static void test_largest(void **state)
{
	static struct draft draft;
	static char text[RECORD_PATH_MAX], walk[RECORD_PATH_MAX];
	struct rs_event *event;
	memset(text, 't', sizeof(text) - 1);
	memset(walk, 'w', sizeof(walk) - 1);
	draft_begin(&draft, RS_EVENT_RENAME, process(10, 1, 1))->flags = RECORD_CUT;
	draft_file(&draft, (struct record_file){0}, text, walk, sizeof(walk));
	draft_file(&draft, (struct record_file){0}, text, walk, sizeof(walk));
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	assert_true(event->flags & RS_EVENT_CUT);
	const struct rs_file *file = &rs_event_rename(event)->destination;
	assert_int_equal(file->path.size, RS_PATH_SIZE_MAX);
	assert_int_equal(file->flags, RS_FILE_PATH_CUT | RS_FILE_PATH_LEXICAL);
}

/* Any record with any bytes in the place of any part: refused or made, never out of bounds. */
static void test_malformed(void **state)
{
	static struct draft draft, bad;
	struct rs_event *event;
	draft_begin(&draft, RS_EVENT_RENAME, process(10, 1, 1));
	draft_file(&draft, (struct record_file){0}, "text", "walk", 5);
	draft_file(&draft, (struct record_file){0}, "text", "walk", 5);
	assert_int_equal(make(&draft, &event), BPF_EVENT_OK);
	for (size_t size = 0; size < draft.size; size++) {
		bad = draft;
		bad.size = size;
		if (size < sizeof(struct record)) {
			assert_int_equal(bpf_event_make(&maker, bad.bytes, size, &event), BPF_EVENT_MALFORMED);
			continue;
		}
		make(&bad, &event);
	}
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	for (size_t at = sizeof(struct record); at < draft.size; at++)
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			bad = draft;
			bad.bytes[at] = (char)values[i];
			make(&bad, &event);
		}
	/* one part too many of each kind; a type that there is not; a size that is not its own */
	draft_file(&draft, (struct record_file){0}, "", "", 0);
	assert_int_equal(make(&draft, &event), BPF_EVENT_MALFORMED);
	draft_begin(&draft, 999, process(10, 1, 1));
	assert_int_equal(make(&draft, &event), BPF_EVENT_MALFORMED);
	draft_begin(&draft, RS_EVENT_FORK, process(10, 1, 1));
	assert_int_equal(make(&draft, &event), BPF_EVENT_MALFORMED); /* no child */
	draft_begin(&draft, RS_EVENT_EXEC, process(10, 1, 1));
	assert_int_equal(make(&draft, &event), BPF_EVENT_MALFORMED); /* no program */
	assert_int_equal(bpf_event_make(&maker, draft.bytes, draft.size + 8, &event), BPF_EVENT_MALFORMED);
}

/* The table of calls: no number twice with another meaning, every wanted call and only these are in the kernel's. */
static void test_calls(void **state)
{
	static struct record_calls calls[RECORD_CALLS_MAX];
	for (size_t i = 0; i < bpf_n_calls; i++)
		for (size_t j = i + 1; j < bpf_n_calls; j++) {
			assert_true(bpf_calls[i].native < 0 || bpf_calls[i].native != bpf_calls[j].native);
			assert_true(bpf_calls[i].compat < 0 || bpf_calls[i].compat != bpf_calls[j].compat ||
				    bpf_calls[i].family == RECORD_FAMILY_SOCKETCALL);
		}
	struct session_event_set set = {0};
	assert_int_equal(bpf_calls_want(&set, ~UINT64_C(0), calls), 0);
	session_set_add(&set, RS_EVENT_BIND);
	session_set_add(&set, RS_EVENT_ACCEPT);
	assert_int_equal(bpf_calls_want(&set, ~UINT64_C(0), calls), 5);
	assert_int_equal(calls[49].native.family, RECORD_FAMILY_BIND);
	assert_int_equal(calls[49].compat.family, RECORD_FAMILY_NONE);
	assert_int_equal(calls[102].compat.family, RECORD_FAMILY_SOCKETCALL);
	assert_int_equal(calls[102].compat.variant, 1 | 8);
	assert_int_equal(calls[102].native.family, RECORD_FAMILY_NONE);
	/* a family that the kernel refused */
	assert_int_equal(bpf_calls_want(&set, UINT64_C(1) << RECORD_FAMILY_ACCEPT, calls), 2);
	assert_int_equal(calls[49].native.family, RECORD_FAMILY_NONE);
	memset(&set, 0, sizeof(set));
	bpf_calls_want(&set, ~UINT64_C(0), calls);
	for (size_t i = 0; i < RECORD_CALLS_MAX; i++)
		assert_int_equal(calls[i].native.family + calls[i].compat.family, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paths),       TEST(test_longest_paths), TEST(test_life_of_a_process), TEST(test_addresses),
		TEST(test_no_question), TEST(test_largest),       TEST(test_malformed),         TEST(test_calls),
	};
	return cmocka_run_group_tests_name("bpf_event", tests, NULL, NULL);
}
