/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/test_world.h"

#include "common/common.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_MS UINT64_C(1000000)

struct world world;

static struct rs_event *event(void)
{
	return (struct rs_event *)(void *)world.buffer;
}

const struct rs_event *world_event(void)
{
	return event();
}

static void put_bytes(struct rs_str *str, const char *bytes, size_t size)
{
	char *to = (char *)world.buffer + world.size;
	memcpy(to, bytes, size);
	to[size] = '\0';
	*str = (struct rs_str){.offset = world.size, .size = (uint32_t)size};
	world.size += (uint32_t)size + 1;
}

static void put(struct rs_str *str, const char *text)
{
	if (text[0])
		put_bytes(str, text, strlen(text));
}

static void put_file(struct rs_file *file, const char *path, uint64_t ino)
{
	file->id = (struct rs_file_id){.dev = ino ? 7 : 0, .ino = ino};
	file->mode = 0100644;
	put(&file->path, path);
}

static void put_process(struct rs_process *to, uint32_t pid)
{
	const struct world_process *process = &world.processes[pid];
	const char *slash = strrchr(process->exe, '/');
	to->id = process->id;
	to->pid = to->tid = pid;
	to->parent_id = process->parent_id;
	to->parent_pid = process->parent_pid;
	to->uid = to->euid = to->gid = to->egid = process->uid;
	to->login_uid = to->login_session = UINT32_MAX;
	snprintf(to->comm, sizeof(to->comm), "%.15s", slash ? slash + 1 : process->exe);
	put(&to->exe_path, process->exe);
}

static void *begin(uint16_t type, uint32_t body_size, uint32_t pid)
{
	struct rs_event *e = event();
	memset(world.buffer, 0, sizeof(struct rs_event) + body_size);
	world.size = (uint32_t)sizeof(struct rs_event) + body_size;
	world.now_ns += NS_PER_MS;
	*e = (struct rs_event){.type = type,
			       .header_size = sizeof(struct rs_event),
			       .body_offset = sizeof(struct rs_event),
			       .body_size = body_size,
			       .id = world.now_ns / NS_PER_MS,
			       .monotonic_ns = world.now_ns,
			       .wall_ns = world.now_ns};
	if (pid != 0)
		put_process(&e->process, pid);
	return e + 1;
}

static void end(void)
{
	event()->size = (world.size + 7) & ~7u;
	detect_event(&world.detect, event());
	for (uint32_t i = 0; i < world.detect.n_found; i++) {
		world.found[world.detect.found[i].rule]++;
		world.last = world.detect.found[i].finding;
	}
}

#define BODY(name, NAME, pid) struct rs_event_##name *body = begin(RS_EVENT_##NAME, sizeof(*body), pid)

void world_begin(const char *config, const struct state_sizes *sizes)
{
	static const struct state_sizes some = {.processes = 1024, .files = 1024, .trees = 64};
	char problem[256];
	memset(&world, 0, sizeof(world));
	lists_init(&world.lists);
	uint32_t line = lists_parse(&world.lists, config, strlen(config), problem, sizeof(problem));
	if (line != 0 || detect_init(&world.detect, &world.lists, sizes ? sizes : &some) < 0) {
		say("the world does not begin: line %u: %s", line, line ? problem : "");
		abort();
	}
	world.now_ns = 1000000 * NS_PER_MS;
	world.ino = 1000;
	world.processes[1] = (struct world_process){.id = ++world.serial << 22 | 1, .exe = "/usr/lib/systemd/systemd"};
}

void world_end(void)
{
	detect_deinit(&world.detect);
}

void world_wait(uint64_t ms)
{
	world.now_ns += ms * NS_PER_MS;
}

void world_forget(void)
{
	memset(world.found, 0, sizeof(world.found));
}

uint32_t world_found(const char *rule)
{
	int i = rule_find(rule);
	if (i < 0)
		abort();
	return world.found[i];
}

uint32_t world_found_any(void)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < RULES_MAX; i++)
		n += world.found[i];
	return n;
}

void world_fork(uint32_t pid, uint32_t child)
{
	struct world_process *made = &world.processes[child];
	*made = world.processes[pid];
	made->id = ++world.serial << 22 | child;
	made->parent_id = world.processes[pid].id;
	made->parent_pid = pid;
	BODY(fork, FORK, pid);
	put_process(&body->child, child);
	end();
}

void world_exec_file(uint32_t pid, const char *path, const char *script, uint64_t ino, uint32_t flags)
{
	snprintf(world.processes[pid].exe, sizeof(world.processes[pid].exe), "%s", path);
	BODY(exec, EXEC, pid);
	put_file(&body->file, path, ino);
	body->file.flags = flags;
	put(&body->script, script);
	put_bytes(&body->args, path, strlen(path) + 1);
	body->args_count = 1;
	end();
}

void world_exec(uint32_t pid, const char *path)
{
	world_exec_file(pid, path, "", files_hash(path, strlen(path)), 0);
}

bool world_asks_exec(uint32_t pid, const char *path)
{
	BODY(auth_exec, AUTH_EXEC, pid);
	event()->flags = RS_EVENT_IS_AUTH;
	put_file(&body->file, path, files_hash(path, strlen(path)));
	end();
	return world.detect.deny;
}

void world_exit(uint32_t pid)
{
	begin(RS_EVENT_EXIT, sizeof(struct rs_event_exit), pid);
	end();
}

void world_user(uint32_t pid, uint32_t uid)
{
	world.processes[pid].uid = uid;
	begin(RS_EVENT_CREDENTIALS, sizeof(struct rs_event_credentials), pid);
	end();
}

void world_open(uint32_t pid, const char *path, bool denied)
{
	BODY(open, OPEN, pid);
	put_file(&body->file, path, ++world.ino);
	body->denied = denied;
	end();
}

void world_create(uint32_t pid, const char *path, uint64_t ino)
{
	BODY(create, CREATE, pid);
	put_file(&body->file, path, ino);
	end();
}

void world_write(uint32_t pid, const char *path, uint64_t ino)
{
	BODY(close_write, CLOSE_WRITE, pid);
	put_file(&body->file, path, ino);
	end();
}

void world_chmod(uint32_t pid, const char *path, uint64_t ino, uint32_t mode)
{
	BODY(mode, MODE, pid);
	put_file(&body->file, path, ino);
	body->new_mode = mode;
	end();
}

void world_rename(uint32_t pid, const char *from, const char *to)
{
	BODY(rename, RENAME, pid);
	put_file(&body->file, from, 0);
	put_file(&body->destination, to, 0);
	end();
}

void world_connect(uint32_t pid, uint8_t first_byte, uint16_t port)
{
	BODY(connect, CONNECT, pid);
	body->remote.family = AF_INET;
	body->remote.port = port;
	body->remote.bytes[0] = first_byte;
	end();
}

void world_ptrace(uint32_t pid, uint32_t target)
{
	BODY(ptrace, PTRACE, pid);
	put_process(&body->target, target);
	body->request = 16;
	end();
}

void world_write_memory(uint32_t pid, uint32_t target)
{
	BODY(memory_write, MEMORY_WRITE, pid);
	put_process(&body->target, target);
	body->size_bytes = 64;
	end();
}

void world_lost(uint64_t count)
{
	BODY(lost, LOST, 0);
	body->count = count;
	end();
}
