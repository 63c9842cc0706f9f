/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/state.h"

#include "common/common.h"

#include <string.h>
#include <sys/socket.h>

#define MODE_EXECUTE 0111u

int state_init(struct state *state, const struct lists *lists, const struct state_sizes *sizes)
{
	*state = (struct state){.lists = lists};
	int r = processes_init(&state->processes, sizes->processes);
	if (r >= 0)
		r = files_init(&state->files, sizes->files);
	if (r >= 0)
		r = masses_init(&state->masses, sizes->trees);
	if (r < 0)
		state_deinit(state);
	return r;
}

void state_deinit(struct state *state)
{
	processes_deinit(&state->processes);
	files_deinit(&state->files);
	masses_deinit(&state->masses);
}

const char *state_path(const struct rs_event *event, struct rs_str path)
{
	static char buffers[2][RS_PATH_SIZE_MAX + 1];
	static unsigned turn;
	size_t size;
	const char *bytes = rs_str_get(event, path, &size);
	char *buffer = buffers[turn++ % 2];
	if (size > RS_PATH_SIZE_MAX || memchr(bytes, '\0', size))
		size = 0;
	memcpy(buffer, bytes, size);
	buffer[size] = '\0';
	return buffer;
}

static bool is_remote(const struct rs_addr *addr)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	if (addr->family == AF_INET)
		return addr->bytes[0] != 127 && addr->bytes[0] != 0;
	return addr->family == AF_INET6 && memcmp(addr->bytes, loopback6, sizeof(loopback6)) != 0;
}

static void after_fork(struct state *state, const struct rs_event *event, struct process *process)
{
	processes_see(&state->processes, event, &rs_event_fork(event)->child);
}

static void after_exec(struct state *state, const struct rs_event *event, struct process *process)
{
	processes_renew(process, event, &event->process);
	process->told = 0;
}

static void after_exit(struct state *state, const struct rs_event *event, struct process *process)
{
	if (!process->ended)
		processes_end(&state->processes, process);
}

static void after_credentials(struct state *state, const struct rs_event *event, struct process *process)
{
	process->uid = event->process.uid;
	process->euid = event->process.euid;
}

/* A name server is asked by everybody. */
static void after_connect(struct state *state, const struct rs_event *event, struct process *process)
{
	const struct rs_addr *remote = &rs_event_connect(event)->remote;
	if (is_remote(remote) && remote->port != 53)
		process->connected_ns = event->monotonic_ns;
}

static uint64_t hash_of(const struct rs_event *event, struct rs_str path)
{
	size_t size;
	const char *bytes = rs_str_get(event, path, &size);
	return files_hash(bytes, size);
}

static void after_create(struct state *state, const struct rs_event *event, struct process *process)
{
	const struct rs_file *file = &rs_event_create(event)->file;
	struct recent_file *recent =
		files_take(&state->files, file->id, hash_of(event, file->path), event->monotonic_ns);
	*recent = (struct recent_file){
		.id = file->id, .path_hash = hash_of(event, file->path), .created_ns = event->monotonic_ns};
}

static bool is_recent(uint64_t at_ns, uint64_t now_ns)
{
	return at_ns != 0 && (now_ns < at_ns || now_ns - at_ns < STATE_RECENT_NS);
}

/* Only what whoever reached out to the network wrote is kept. */
static void after_close_write(struct state *state, const struct rs_event *event, struct process *process)
{
	const struct rs_file *file = &rs_event_close_write(event)->file;
	uint64_t path_hash = hash_of(event, file->path), now_ns = event->monotonic_ns;
	if (!is_recent(process->connected_ns, now_ns))
		return;
	struct recent_file *recent = files_take(&state->files, file->id, path_hash, now_ns);
	recent->path_hash = path_hash;
	recent->written_ns = state->files.written_ns = now_ns;
	recent->writer = process->id;
	memcpy(recent->writer_comm, process->comm, sizeof(recent->writer_comm));
	if (file->mode & MODE_EXECUTE)
		recent->made_executable_ns = now_ns;
}

static void after_mode(struct state *state, const struct rs_event *event, struct process *process)
{
	const struct rs_event_mode *mode = rs_event_mode(event);
	uint64_t path_hash = hash_of(event, mode->file.path), now_ns = event->monotonic_ns;
	struct recent_file *recent = files_find(&state->files, mode->file.id, path_hash);
	/* who names the file, and not a descriptor of it, is told by that name alone */
	if (!recent && mode->file.id.ino == 0)
		recent = files_find_written(&state->files, path_hash,
					    now_ns > STATE_RECENT_NS ? now_ns - STATE_RECENT_NS : 0);
	if (recent && (mode->new_mode & MODE_EXECUTE))
		recent->made_executable_ns = now_ns;
}

static void after_rename(struct state *state, const struct rs_event *event, struct process *process)
{
	const struct rs_event_rename *rename = rs_event_rename(event);
	uint64_t now_ns = event->monotonic_ns, since_ns = now_ns > STATE_RECENT_NS ? now_ns - STATE_RECENT_NS : 0;
	/* a rename is known by its names */
	struct recent_file *recent = files_find_written(&state->files, hash_of(event, rename->file.path), since_ns);
	if (recent)
		recent->path_hash = hash_of(event, rename->destination.path);
}

static void after_lost(struct state *state, const struct rs_event *event, struct process *process)
{
	state->lost += rs_event_lost(event)->count;
	state->unsure_until_ns = event->monotonic_ns + STATE_UNSURE_NS;
}

static void after_engine(struct state *state, const struct rs_event *event, struct process *process)
{
	state->gaps++;
	state->unsure_until_ns = event->monotonic_ns + STATE_UNSURE_NS;
}

static const struct {
	void (*after)(struct state *state, const struct rs_event *event, struct process *process);
	uint16_t type;
	bool platform; /* not about the acting process */
} changes[] = {
	{after_fork, RS_EVENT_FORK},
	{after_exec, RS_EVENT_EXEC},
	{after_exit, RS_EVENT_EXIT},
	{after_credentials, RS_EVENT_CREDENTIALS},
	{after_connect, RS_EVENT_CONNECT},
	{after_create, RS_EVENT_CREATE},
	{after_close_write, RS_EVENT_CLOSE_WRITE},
	{after_mode, RS_EVENT_MODE},
	{after_rename, RS_EVENT_RENAME},
	{after_lost, RS_EVENT_LOST, true},
	{after_engine, RS_EVENT_ENGINE_RESTARTED, true},
};

/* The body must be as long as this SDK's: the accessors say so by NULL. */
static bool has_body(const struct rs_event *event)
{
	switch (event->type) {
	case RS_EVENT_FORK:
		return rs_event_fork(event);
	case RS_EVENT_CONNECT:
		return rs_event_connect(event);
	case RS_EVENT_CREATE:
		return rs_event_create(event);
	case RS_EVENT_CLOSE_WRITE:
		return rs_event_close_write(event);
	case RS_EVENT_MODE:
		return rs_event_mode(event);
	case RS_EVENT_RENAME:
		return rs_event_rename(event);
	case RS_EVENT_LOST:
		return rs_event_lost(event);
	default:
		return true;
	}
}

struct process *state_before(struct state *state, const struct rs_event *event)
{
	state->events++;
	if (event->type == RS_EVENT_LOST || event->type == RS_EVENT_ENGINE_RESTARTED)
		return NULL;
	struct process *process = processes_find(&state->processes, event->process.id);
	/* after an exec the event names the new program: one seen for the first time has no other */
	return process && process->ended ? process : processes_see(&state->processes, event, &event->process);
}

void state_after(struct state *state, const struct rs_event *event, struct process *process)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].type == event->type && (process || changes[i].platform) && has_body(event))
			changes[i].after(state, event, process);
}

bool state_is_unsure(const struct state *state, const struct rs_event *event)
{
	return event->monotonic_ns < state->unsure_until_ns;
}
