/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_event.h"

#include "base/macro.h"
#include "sensor/bpf_calls.h"
#include "sensor/process_proc.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

/* A field of a body: where it begins, plus one; 0 is none. */
struct field {
	uint16_t at, size;
};

struct making {
	struct bpf_event_maker *maker;
	struct bpf_record record;
	struct rs_process before; /* as the table had it; id 0 when it did not know the process */
	struct event_build build;
	void *body;
};

struct layout {
	uint16_t type;
	struct field numbers[RECORD_NUMBERS];
	uint16_t files[BPF_RECORD_FILES_MAX];
	uint16_t addrs[BPF_RECORD_ADDRS_MAX];
	uint16_t texts[BPF_RECORD_TEXTS_MAX];
	/* what the table cannot say; `before` comes ahead of the event, and may say that there is none */
	enum bpf_event_result (*before)(struct making *making);
	enum bpf_event_result (*finish)(struct making *making);
};

/* Users of a record, as the process table keeps them. */
static struct rs_process process_of(const struct record_process *from)
{
	struct rs_process process = {
		.id = process_id(from->start_ns / PROCESS_TICK_NS, from->pid),
		.start_ns = from->start_ns / PROCESS_TICK_NS * PROCESS_TICK_NS,
		.cgroup_id = from->cgroup_id,
		.pid = from->pid,
		.tid = from->tid,
		.parent_pid = from->parent_pid,
		.uid = from->uid,
		.gid = from->gid,
		.euid = from->euid,
		.egid = from->egid,
		.login_uid = from->login_uid,
		.login_session = from->login_session,
	};
	if (from->parent_pid)
		process.parent_id = process_id(from->parent_start_ns / PROCESS_TICK_NS, from->parent_pid);
	memcpy(process.comm, from->comm, sizeof(process.comm) - 1);
	return process;
}

static bool same_process(const struct rs_process *a, const struct rs_process *b)
{
	return a->id == b->id && a->parent_id == b->parent_id && a->cgroup_id == b->cgroup_id && a->uid == b->uid &&
	       a->gid == b->gid && a->euid == b->euid && a->egid == b->egid && a->login_uid == b->login_uid &&
	       a->login_session == b->login_session && memcmp(a->comm, b->comm, sizeof(a->comm)) == 0;
}

/* The table learns what a record says of a process. Returns what it had before. */
static struct rs_process learn(struct bpf_event_maker *maker, const struct record_process *from)
{
	struct rs_process now = process_of(from), before = {0};
	const struct process_entry *known = process_table_peek(maker->processes, now.id);
	if (!known) /* forgotten for room, or its fork was lost */
		known = process_table_get(maker->processes, (pid_t)now.pid);
	if (known && known->process.id == now.id)
		before = known->process;
	if (!same_process(&before, &now))
		process_table_put(maker->processes, &now, NULL, NULL);
	return before;
}

static void fill_known(struct making *m, const struct record_process *from, struct rs_process *to)
{
	struct rs_process now = process_of(from);
	if (!process_table_fill_id(m->maker->processes, now.id, (pid_t)now.tid, &m->build, to)) {
		*to = now; /* no memory for an entry */
		to->flags = RS_PROCESS_PARTIAL;
	}
}

static void fill_other(struct making *m, struct rs_process *to)
{
	const struct record_process *other = m->record.process;
	if (!other) {
		*to = (struct rs_process){
			.login_uid = UINT32_MAX, .login_session = UINT32_MAX, .flags = RS_PROCESS_PARTIAL};
		return;
	}
	learn(m->maker, other);
	fill_known(m, other, to);
}

/* By a pid as the caller knows it, which is everybody's only outside of pid namespaces. */
static void fill_other_by_pid(struct making *m, uint64_t pid, uint64_t level, struct rs_process *to)
{
	if (m->record.process || level > 0 || pid == 0 || pid > INT32_MAX)
		fill_other(m, to);
	else
		process_table_fill(m->maker->processes, (pid_t)pid, 0, &m->build, to);
}

static enum bpf_event_result fork_before(struct making *m)
{
	if (!m->record.process)
		return BPF_EVENT_MALFORMED;
	struct rs_process child = process_of(m->record.process);
	process_table_fork(m->maker->processes, &child);
	return BPF_EVENT_OK;
}

static enum bpf_event_result fork_finish(struct making *m)
{
	struct rs_event_fork *body = m->body;
	fill_known(m, m->record.process, &body->child);
	return BPF_EVENT_OK;
}

static uint64_t device_of(uint32_t dev)
{
	return makedev(dev >> 20, dev & 0xfffff);
}

static enum bpf_event_result exec_before(struct making *m)
{
	const struct bpf_record_file *program = &m->record.files[0];
	bool lexical;
	if (!program->file)
		return BPF_EVENT_MALFORMED;
	struct rs_process now = process_of(&m->record.head->process);
	now.exe = (struct rs_file_id){.dev = device_of(program->file->dev), .ino = program->file->ino};
	bpf_path_join(program->file, program->text, program->walk, m->maker->path, &lexical);
	process_table_put(m->maker->processes, &now, m->maker->path, NULL);
	return BPF_EVENT_OK;
}

static enum bpf_event_result exec_finish(struct making *m)
{
	struct rs_event_exec *body = m->body;
	const struct bpf_record_text *script = &m->record.texts[0], *args = &m->record.texts[1];
	size_t size = args->size;
	if (size > 0 && args->bytes[size - 1] == '\0')
		size--;
	event_build_str(&m->build, &body->script, script->bytes, script->size, RS_PATH_SIZE_MAX);
	event_build_str(&m->build, &body->args, args->bytes, size, RS_PATH_SIZE_MAX);
	return BPF_EVENT_OK;
}

static enum bpf_event_result exit_finish(struct making *m)
{
	struct rs_event_exit *body = m->body;
	uint32_t status = (uint32_t)m->record.head->numbers[0];
	body->signal = status & 0x7f;
	body->code = body->signal ? 0 : status >> 8 & 0xff;
	process_table_exit(m->maker->processes, m->build.event->process.id);
	return BPF_EVENT_OK;
}

/* Of every thread of a process that calls setuid(3) there is a record: the first one changes what is known. */
static enum bpf_event_result credentials_before(struct making *m)
{
	static const uint64_t without_ids[] = {4, 9, 14}; /* setgroups, capset */
	const struct rs_process *before = &m->before;
	const struct record_process *now = &m->record.head->process;
	for (size_t i = 0; i < ARRAY_SIZE(without_ids); i++)
		if (m->record.head->numbers[0] == without_ids[i])
			return BPF_EVENT_OK;
	bool changed = before->uid != now->uid || before->euid != now->euid || before->gid != now->gid ||
		       before->egid != now->egid;
	return before->id && !changed ? BPF_EVENT_NOTHING : BPF_EVENT_OK;
}

static enum bpf_event_result credentials_finish(struct making *m)
{
	struct rs_event_credentials *body = m->body;
	const struct rs_process *before = m->before.id ? &m->before : &m->build.event->process;
	const char *call = bpf_calls_credentials_name(m->record.head->numbers[0]);
	body->old_uid = before->uid;
	body->old_euid = before->euid;
	body->old_gid = before->gid;
	body->old_egid = before->egid;
	event_build_str(&m->build, &body->call, call, strlen(call), RS_PATH_SIZE_MAX);
	return BPF_EVENT_OK;
}

static enum bpf_event_result namespace_finish(struct making *m)
{
	struct rs_event_namespace *body = m->body;
	const char *call = bpf_calls_namespace_name(m->record.head->numbers[1]);
	event_build_str(&m->build, &body->call, call, strlen(call), RS_PATH_SIZE_MAX);
	return BPF_EVENT_OK;
}

static enum bpf_event_result ptrace_finish(struct making *m)
{
	const __u64 *numbers = m->record.head->numbers;
	struct rs_event_ptrace *body = m->body;
	fill_other_by_pid(m, numbers[1], numbers[2], &body->target);
	return BPF_EVENT_OK;
}

static enum bpf_event_result signal_finish(struct making *m)
{
	struct rs_event_signal *body = m->body;
	fill_other(m, &body->target);
	return BPF_EVENT_OK;
}

static enum bpf_event_result memory_write_finish(struct making *m)
{
	const __u64 *numbers = m->record.head->numbers;
	struct rs_event_memory_write *body = m->body;
	fill_other_by_pid(m, numbers[0], numbers[1], &body->target);
	return BPF_EVENT_OK;
}

static enum bpf_event_result dns_before(struct making *m)
{
	const struct bpf_record_text *packet = &m->record.texts[0];
	enum dns_result result = dns_question_parse((const uint8_t *)packet->bytes, packet->size,
						    m->record.head->numbers[0] != 0, &m->maker->question);
	return result == DNS_OK ? BPF_EVENT_OK : BPF_EVENT_NO_DNS;
}

static enum bpf_event_result dns_finish(struct making *m)
{
	struct rs_event_dns_question *body = m->body;
	const struct dns_question *question = &m->maker->question;
	event_build_str(&m->build, &body->name, question->name, question->name_size, DNS_NAME_SIZE_MAX);
	body->record_type = question->type;
	body->record_class = question->class;
	return BPF_EVENT_OK;
}

#define AT(event, field) (offsetof(struct rs_event_##event, field) + 1)
#define NUMBER(event, field) {AT(event, field), sizeof(((struct rs_event_##event *)0)->field)}

static const struct layout layouts[RECORD_N_SLOTS] = {
	{RS_EVENT_FORK, .before = fork_before, .finish = fork_finish},
	{RS_EVENT_EXEC, {NUMBER(exec, args_count)}, {AT(exec, file)}, .before = exec_before, .finish = exec_finish},
	{RS_EVENT_EXIT, .finish = exit_finish},
	{RS_EVENT_CREDENTIALS, .before = credentials_before, .finish = credentials_finish},
	{RS_EVENT_NAMESPACE, {NUMBER(namespace, clone_flags)}, .finish = namespace_finish},
	{RS_EVENT_PTRACE, {NUMBER(ptrace, request)}, .finish = ptrace_finish},
	{RS_EVENT_SIGNAL, {NUMBER(signal, signal_number)}, .finish = signal_finish},
	{RS_EVENT_MEMORY_WRITE, {{0}, {0}, NUMBER(memory_write, size_bytes)}, .finish = memory_write_finish},
	{RS_EVENT_CREATE, .files = {AT(create, file)}, .texts = {AT(create, link_target)}},
	{RS_EVENT_UNLINK, .files = {AT(unlink, file)}},
	{RS_EVENT_RENAME, {NUMBER(rename, rename_flags)}, {AT(rename, file), AT(rename, destination)}},
	{RS_EVENT_LINK, .files = {AT(link, file), AT(link, destination)}},
	{RS_EVENT_TRUNCATE, {NUMBER(truncate, length_bytes)}, {AT(truncate, file)}},
	{RS_EVENT_MODE, {NUMBER(mode, new_mode)}, {AT(mode, file)}},
	{RS_EVENT_OWNER, {NUMBER(owner, new_uid), NUMBER(owner, new_gid)}, {AT(owner, file)}},
	{RS_EVENT_XATTR, {NUMBER(xattr, removed)}, {AT(xattr, file)}, .texts = {AT(xattr, attribute)}},
	{RS_EVENT_MAP_EXEC,
	 {NUMBER(map_exec, address), NUMBER(map_exec, size_bytes), NUMBER(map_exec, protection),
	  NUMBER(map_exec, map_flags)},
	 {AT(map_exec, file)}},
	{RS_EVENT_MEMFD, {NUMBER(memfd, memfd_flags)}, .texts = {AT(memfd, name)}},
	{RS_EVENT_PROTECT_EXEC,
	 {NUMBER(protect_exec, address), NUMBER(protect_exec, size_bytes), NUMBER(protect_exec, protection)}},
	{RS_EVENT_CONNECT, {NUMBER(connect, protocol), NUMBER(connect, error)}, .addrs = {AT(connect, remote)}},
	{RS_EVENT_BIND, {NUMBER(bind, protocol), NUMBER(bind, error)}, .addrs = {AT(bind, local)}},
	{RS_EVENT_LISTEN, {NUMBER(listen, backlog), NUMBER(listen, error)}, .addrs = {AT(listen, local)}},
	{RS_EVENT_ACCEPT, .addrs = {AT(accept, local), AT(accept, remote)}},
	{RS_EVENT_DNS_QUESTION, .addrs = {AT(dns_question, server)}, .before = dns_before, .finish = dns_finish},
	{RS_EVENT_MODULE_LOAD, {NUMBER(module_load, error)}, {AT(module_load, file)}, .texts = {AT(module_load, name)}},
	{RS_EVENT_BPF_LOAD, {NUMBER(bpf_load, program_type), NUMBER(bpf_load, error)}, .texts = {AT(bpf_load, name)}},
	{RS_EVENT_KEXEC, {NUMBER(kexec, error)}},
	{RS_EVENT_MOUNT, {NUMBER(mount, error)}, {AT(mount, target)}, .texts = {AT(mount, source), AT(mount, fs_type)}},
	{RS_EVENT_UNMOUNT, {NUMBER(unmount, unmount_flags), NUMBER(unmount, error)}, {AT(unmount, target)}},
};

/* The kernel side counts by slot, this side looks up by it: the two tables are one. */
#define X(slot, name, number) _Static_assert(RS_EVENT_##name == number, "the number of the event");
RECORD_TYPES(X)
#undef X

static const struct layout *find_layout(uint16_t type)
{
	for (size_t i = 0; i < RECORD_N_SLOTS; i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static void *field_at(struct making *m, uint16_t at)
{
	return (char *)m->body + at - 1;
}

static void put_number(struct making *m, struct field field, uint64_t value)
{
	if (field.size == sizeof(uint32_t))
		*(uint32_t *)field_at(m, field.at) = (uint32_t)value;
	else if (field.size == sizeof(uint64_t))
		*(uint64_t *)field_at(m, field.at) = value;
}

static void put_file(struct making *m, struct rs_file *to, const struct bpf_record_file *from)
{
	static const char memfd[] = "/memfd:";
	const struct record_file *file = from->file;
	char *path = m->maker->path;
	bool lexical;
	if (!file)
		return;
	size_t size = bpf_path_join(file, from->text, from->walk, path, &lexical);
	*to = (struct rs_file){
		.id = {.dev = file->ino ? device_of(file->dev) : 0, .ino = file->ino},
		.size_bytes = file->size_bytes,
		.mtime_ns = file->mtime_ns,
		.ctime_ns = file->ctime_ns,
		.mode = file->mode,
		.uid = file->uid,
		.gid = file->gid,
	};
	to->flags |= lexical ? RS_FILE_PATH_LEXICAL : 0;
	to->flags |= file->flags & RECORD_FILE_CUT ? RS_FILE_PATH_CUT : 0;
	to->flags |= file->flags & RECORD_FILE_DELETED ? RS_FILE_DELETED : 0;
	if ((file->flags & RECORD_FILE_PSEUDO) && strncmp(path, memfd, sizeof(memfd) - 1) == 0)
		to->flags |= RS_FILE_MEMFD;
	event_build_path(&m->build, to, path, size);
}

static void put_addr(struct making *m, struct rs_addr *to, const struct bpf_record_addr *from)
{
	const struct record_addr *addr = from->addr;
	if (!addr)
		return;
	*to = (struct rs_addr){.family = addr->family, .port = addr->port, .scope_id = addr->scope_id};
	memcpy(to->bytes, addr->bytes, sizeof(to->bytes));
	/* a name in the file system ends at its NUL; an abstract one begins with one and has all its bytes */
	size_t size = addr->path_size;
	if (size > 0 && from->path[0] != '\0')
		size = strnlen(from->path, size);
	event_build_str(&m->build, &to->path, from->path, size, RS_PATH_SIZE_MAX);
}

static void put_fields(struct making *m, const struct layout *layout)
{
	for (size_t i = 0; i < RECORD_NUMBERS; i++)
		put_number(m, layout->numbers[i], m->record.head->numbers[i]);
	for (size_t i = 0; i < BPF_RECORD_FILES_MAX; i++)
		if (layout->files[i])
			put_file(m, field_at(m, layout->files[i]), &m->record.files[i]);
	for (size_t i = 0; i < BPF_RECORD_ADDRS_MAX; i++)
		if (layout->addrs[i])
			put_addr(m, field_at(m, layout->addrs[i]), &m->record.addrs[i]);
	for (size_t i = 0; i < BPF_RECORD_TEXTS_MAX; i++)
		if (layout->texts[i])
			event_build_str(&m->build, field_at(m, layout->texts[i]), m->record.texts[i].bytes,
					m->record.texts[i].size, RS_PATH_SIZE_MAX);
}

static void begin_event(struct making *m)
{
	const struct record *head = m->record.head;
	m->body = event_build_begin(&m->build, m->maker->buffer, sizeof(m->maker->buffer), head->type);
	struct rs_event *event = m->build.event;
	event->flags |= head->flags & RECORD_CUT ? RS_EVENT_CUT : 0;
	event->monotonic_ns = head->monotonic_ns;
	event->wall_ns = head->monotonic_ns + m->maker->wall_offset_ns;
	fill_known(m, &head->process, &event->process);
}

enum bpf_event_result bpf_event_make(struct bpf_event_maker *maker, const void *bytes, size_t size,
				     struct rs_event **ret)
{
	struct making m = {.maker = maker};
	if (!bpf_record_parse(bytes, size, &m.record))
		return BPF_EVENT_MALFORMED;
	const struct layout *layout = find_layout(m.record.head->type);
	if (!layout)
		return BPF_EVENT_MALFORMED;
	/* the end of a process is told twice when two threads are last; learning would bring it back */
	if (layout->type == RS_EVENT_EXIT &&
	    process_table_has_ended(maker->processes, process_of(&m.record.head->process).id))
		return BPF_EVENT_NOTHING;
	m.before = learn(maker, &m.record.head->process);
	enum bpf_event_result result = layout->before ? layout->before(&m) : BPF_EVENT_OK;
	if (result != BPF_EVENT_OK)
		return result;
	begin_event(&m);
	put_fields(&m, layout);
	if (layout->finish)
		result = layout->finish(&m);
	if (result != BPF_EVENT_OK)
		return result;
	event_build_end(&m.build);
	*ret = m.build.event;
	return BPF_EVENT_OK;
}
