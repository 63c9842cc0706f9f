/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf: the back end over our programs in the kernel (src/bpf).
 *
 *     kernel ─▶ ring buffer ─▶ on_ring / on_look ─▶ bpf_event_make ─▶ sink->event()
 *     kernel ─▶ counters ─▶ on_count ─▶ sink->lost(), and the process table is doubted
 *     want() ─▶ calls[] in the programs' memory; no call wanted: the dispatcher is taken off
 *
 * Keeps the process table current, whoever listens. Must not log or wait between records. All privilege is used in
 * open(); what comes after reads mapped memory.
 *
 * Waking. The kernel wakes us when it adds to an empty ring buffer, which costs the program that is watched a few µs.
 * When that happens more often than every LOOK_EVERY, we ask it not to, and look by ourselves after each LOOK_EVERY,
 * until there is little again. So a record waits for at most that, and a busy machine pays for no wake-ups.
 */
#include "sensor/bpf.h"

#include "base/clock.h"
#include "base/log.h"
#include "sensor/bpf_calls.h"
#include "sensor/bpf_event.h"
#include "sensor/bpf_load.h"
#include "sensor/bpf_ring.h"
#include "wire/promise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BATCH 256u /* records a turn */
#define REFRESH_BATCH 1024u /* records before questions are looked at */
#define LOOK_EVERY_NS (100 * NS_PER_US)
#define BUSY_WAKES 4u /* so many wake-ups in a row, each within LOOK_EVERY of the one before */
#define QUIET_LOOKS 4u /* so many looks in a row with at most one record each */
#define COUNT_EVERY_NS (100 * NS_PER_MS)
#define COUNT_QUIET_NS (250 * NS_PER_MS) /* when nothing came in between */

struct sensor_bpf {
	struct sensor sensor; /* first */
	struct sensor_start start;
	struct bpf_programs *programs;
	struct bpf_ring *ring;
	struct loop_source *ring_source, *look_source, *count_source;
	struct sensor_counters counters;
	uint64_t taken, counted; /* in all; when on_count() last looked */
	uint64_t last_wake_ns;
	uint32_t busy_wakes, quiet_looks;
	bool looking; /* by ourselves, not woken */
	bool begun; /* events may be delivered */
	bool draining; /* inside of drain(): a refresh from there has nothing to add */
	struct bpf_event_maker maker;
};

static struct sensor_bpf *sensor_bpf(const struct sensor *sensor)
{
	return (struct sensor_bpf *)(uintptr_t)sensor;
}

static void take(struct sensor_bpf *s, const void *record, size_t size)
{
	struct rs_event *event;
	s->taken++;
	switch (bpf_event_make(&s->maker, record, size, &event)) {
	case BPF_EVENT_OK:
		s->counters.events++;
		s->start.sink.event(s->start.sink.data, event, NULL);
		break;
	case BPF_EVENT_NOTHING:
	case BPF_EVENT_NO_DNS:
		break;
	case BPF_EVENT_MALFORMED:
		s->counters.errors++;
		break;
	}
}

/* Takes at most so many records; returns how many. */
static uint32_t drain(struct sensor_bpf *s, uint32_t most)
{
	uint32_t n = 0;
	size_t size;
	if (s->draining)
		return 0;
	s->draining = true;
	s->maker.wall_offset_ns = clock_wall_ns() - clock_monotonic_ns();
	for (const void *record; n < most && (record = bpf_ring_peek(s->ring, &size)); n++) {
		take(s, record, size);
		bpf_ring_consume(s->ring);
	}
	s->draining = false;
	return n;
}

static void look_begin(struct sensor_bpf *s, uint64_t now_ns)
{
	s->looking = true;
	s->quiet_looks = 0;
	__atomic_store_n(s->programs->no_wakeup, 1, __ATOMIC_SEQ_CST);
	loop_source_set_events(s->ring_source, 0);
	loop_source_arm(s->look_source, now_ns + LOOK_EVERY_NS);
}

/* A program that saw no_wakeup a moment ago may still add a record without waking us: look once more a little later;
 * after that on_count() does. */
static void look_end(struct sensor_bpf *s, uint64_t now_ns)
{
	s->looking = false;
	s->busy_wakes = 0;
	__atomic_store_n(s->programs->no_wakeup, 0, __ATOMIC_SEQ_CST);
	loop_source_set_events(s->ring_source, EPOLLIN);
	loop_source_arm(s->look_source, now_ns + LOOK_EVERY_NS);
}

static int on_ring(void *data, uint32_t epoll_events)
{
	struct sensor_bpf *s = data;
	uint64_t now_ns = clock_monotonic_ns();
	drain(s, BATCH);
	s->busy_wakes = now_ns - s->last_wake_ns < LOOK_EVERY_NS ? s->busy_wakes + 1 : 0;
	s->last_wake_ns = now_ns;
	if (s->busy_wakes >= BUSY_WAKES)
		look_begin(s, now_ns);
	return 0;
}

static int on_look(void *data, uint64_t now_ns)
{
	struct sensor_bpf *s = data;
	uint32_t n = drain(s, BATCH);
	if (!s->looking)
		return 0;
	s->quiet_looks = n <= 1 ? s->quiet_looks + 1 : 0;
	if (s->quiet_looks >= QUIET_LOOKS)
		look_end(s, now_ns);
	else
		loop_source_arm(s->look_source, n == BATCH ? now_ns : now_ns + LOOK_EVERY_NS);
	return 0;
}

static const uint16_t slot_types[RECORD_N_SLOTS] = {
#define X(slot, name, number) [slot] = number,
	RECORD_TYPES(X)
#undef X
};

static struct record_counter kernel_count(const struct sensor_bpf *s, size_t slot)
{
	struct record_counter sum = {0};
	for (uint32_t cpu = 0; cpu < s->programs->n_cpus; cpu++) {
		const struct record_counter *one = &s->programs->counters[cpu * RECORD_TYPES_MAX + slot];
		sum.produced += __atomic_load_n(&one->produced, __ATOMIC_RELAXED);
		sum.muted += __atomic_load_n(&one->muted, __ATOMIC_RELAXED);
		sum.lost += __atomic_load_n(&one->lost, __ATOMIC_RELAXED);
	}
	return sum;
}

static bool teaches_the_table(size_t slot)
{
	return slot == RECORD_FORK || slot == RECORD_EXEC || slot == RECORD_EXIT || slot == RECORD_CREDENTIALS;
}

static void tell_lost(struct sensor_bpf *s)
{
	for (size_t slot = 0; slot < RECORD_N_SLOTS; slot++) {
		uint64_t lost = kernel_count(s, slot).lost, fresh = lost - s->programs->lost_told[slot];
		if (fresh == 0)
			continue;
		s->programs->lost_told[slot] = lost;
		s->counters.lost += fresh;
		if (teaches_the_table(slot))
			process_table_doubt(s->start.processes);
		s->start.sink.lost(s->start.sink.data, slot_types[slot], fresh);
	}
}

static int on_count(void *data, uint64_t now_ns)
{
	struct sensor_bpf *s = data;
	drain(s, BATCH);
	tell_lost(s);
	bool quiet = s->taken == s->counted;
	s->counted = s->taken;
	return loop_source_arm(s->count_source,
			       quiet ? clock_next_ns(now_ns, COUNT_QUIET_NS) : now_ns + COUNT_EVERY_NS);
}

static void refresh(void *data)
{
	struct sensor_bpf *s = data;
	if (s->begun && bpf_ring_used(s->ring) > 0)
		drain(s, REFRESH_BATCH);
}

static struct sensor *bpf_close(struct sensor *sensor)
{
	struct sensor_bpf *s = sensor_bpf(sensor);
	if (!s)
		return NULL;
	loop_source_remove(s->ring_source);
	loop_source_remove(s->look_source);
	loop_source_remove(s->count_source);
	if (s->start.processes) {
		process_table_set_refresh(s->start.processes, NULL, NULL);
		process_table_set_live(s->start.processes, false);
	}
	bpf_ring_free(s->ring);
	bpf_programs_free(s->programs);
	free(s);
	return NULL;
}

/* The programs of the last engine, when the parent kept them. */
static int take_over(struct sensor_bpf *s, bool raw)
{
	if (s->start.n_kept == 0)
		return -ENOENT;
	int r = bpf_programs_adopt(raw, s->start.kept, s->start.n_kept, &s->programs);
	if (r < 0)
		log_notice("bpf: the programs of the last engine cannot be taken over: %s; they are loaded anew",
			   strerror(-r));
	return r;
}

static void hand_on(const struct sensor_bpf *s)
{
	int fds[BPF_KEPT_MAX];
	size_t n_fds = bpf_programs_kept(s->programs, fds);
	if (s->start.keep && n_fds > 0)
		s->start.keep(s->start.keep_data, fds, n_fds);
}

static int open_parts(struct sensor_bpf *s, bool raw)
{
	int r = take_over(s, raw);
	if (r < 0)
		r = bpf_programs_new(raw, &s->programs);
	if (r < 0)
		return r;
	r = bpf_ring_new(s->programs->ring_fd, s->programs->ring_size_bytes, &s->ring);
	if (r < 0)
		return r;
	r = loop_add_timer(s->start.loop, on_look, s, &s->look_source);
	if (r < 0)
		return r;
	r = loop_add_timer(s->start.loop, on_count, s, &s->count_source);
	if (r < 0)
		return r;
	/* After the programs are attached: what changes during the scan is told by records that come after it. */
	return process_table_scan(s->start.processes);
}

static int open_as(const struct sensor_start *start, bool raw, struct sensor **ret)
{
	struct sensor_bpf *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sensor.ops = &sensor_bpf_ops;
	s->start = *start;
	s->maker.processes = start->processes;
	int r = open_parts(s, raw);
	if (r < 0) {
		bpf_close(&s->sensor);
		return r;
	}
	hand_on(s);
	sensor_bpf_ops.mute(&s->sensor, NULL, 0); /* the last engine's agents', when programs were taken over */
	const bool *hooks = s->programs->hooks;
	bool live = hooks[BPF_HOOK_FORK] && hooks[BPF_HOOK_EXEC] && hooks[BPF_HOOK_EXIT];
	process_table_set_live(start->processes, live);
	process_table_set_refresh(start->processes, refresh, s);
	/* nobody wants a call yet, so none passes the dispatcher: it was attached to see that it can be */
	bpf_programs_attach_calls(s->programs, false);
	process_table_set_users_live(start->processes, false);
	*ret = &s->sensor;
	return 0;
}

static int bpf_open(const struct sensor_start *start, struct sensor **ret)
{
	return open_as(start, false, ret);
}

int sensor_bpf_open_raw(const struct sensor_start *start, struct sensor **ret)
{
	return open_as(start, true, ret);
}

static int bpf_begin(struct sensor *sensor)
{
	struct sensor_bpf *s = sensor_bpf(sensor);
	int r = loop_add_fd(s->start.loop, s->programs->ring_fd, EPOLLIN, on_ring, s, &s->ring_source);
	if (r < 0)
		return r;
	s->begun = true;
	return loop_source_arm(s->count_source, clock_monotonic_ns());
}

static void bpf_counters(const struct sensor *sensor, struct sensor_counters *ret)
{
	uint64_t lost;
	*ret = sensor_bpf(sensor)->counters;
	ret->muted = 0;
	for (size_t slot = 0; slot < RECORD_N_SLOTS; slot++)
		ret->muted += kernel_count(sensor_bpf(sensor), slot).muted;
	sensor_bpf_kernel_counts(sensor, &ret->produced, &lost);
	ret->taken = sensor_bpf(sensor)->taken;
}

/* What teaches the table of processes and nobody else wants to know wakes nobody: whoever looks into the table takes it
 * first (refresh()). A program is started by three such records, and each would wake us on a processor that it needs.
 */
static void be_silent(const struct bpf_programs *programs, const struct session_event_set *types)
{
	uint64_t silent = 0;
	for (size_t slot = 0; slot < RECORD_N_SLOTS; slot++)
		if (teaches_the_table(slot) && !session_set_has(types, slot_types[slot]))
			silent |= UINT64_C(1) << slot;
	__atomic_store_n(programs->silent_slots, silent, __ATOMIC_RELAXED);
}

static void bpf_want(struct sensor *sensor, const struct session_event_set *types)
{
	struct sensor_bpf *s = sensor_bpf(sensor);
	struct bpf_programs *programs = s->programs;
	struct session_event_set wanted = *types;
	__atomic_store_n(programs->want_signal, session_set_has(types, RS_EVENT_SIGNAL), __ATOMIC_RELAXED);
	be_silent(programs, types);
	size_t n = bpf_calls_want(&wanted, programs->families, programs->calls);
	if (n > 0) {
		/* as calls are watched anyway, so are those that the process table lives on */
		session_set_add(&wanted, RS_EVENT_CREDENTIALS);
		bpf_calls_want(&wanted, programs->families, programs->calls);
	}
	int r = bpf_programs_attach_calls(programs, n > 0);
	if (r < 0)
		log_warning("bpf: expected to attach the program for system calls again, but the kernel says: %s; "
			    "events that "
			    "come from system calls are missing until the engine starts anew",
			    strerror(-r));
	bool users_live = n > 0 && r == 0 && (programs->families >> RECORD_FAMILY_CREDENTIALS & 1);
	process_table_set_users_live(s->start.processes, users_live);
	if (users_live)
		process_table_doubt(s->start.processes); /* users may have changed while nobody told */
}

/* A bit for each slot of these types, but for those without which the process table would be wrong. */
static uint64_t slots_of(const struct session_event_set *types)
{
	uint64_t slots = 0;
	for (size_t slot = 0; slot < RECORD_N_SLOTS; slot++)
		if (!teaches_the_table(slot) && session_set_has(types, slot_types[slot]))
			slots |= UINT64_C(1) << slot;
	return slots;
}

static struct record_mute *place_for(struct record_mute *mutes, uint64_t key)
{
	uint32_t at = RECORD_MUTE_PLACE(key);
	for (uint32_t i = 0; i < RECORD_MUTE_PROBES; i++) {
		struct record_mute *mute = &mutes[(at + i) % RECORD_MUTES_MAX];
		if (mute->key == key || mute->key == 0)
			return mute;
	}
	return NULL; /* full here: it is muted later on its way */
}

/* While the table is written nothing is muted by it: what passes is muted later on its way. For a program that read
 * muted_slots before, a place has no slots from before its key is taken away until after it has the next. */
static void bpf_mute(struct sensor *sensor, const struct sensor_mute *mutes, size_t n)
{
	struct bpf_programs *programs = sensor_bpf(sensor)->programs;
	uint64_t all = 0;
	__atomic_store_n(programs->muted_slots, 0, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < RECORD_MUTES_MAX; i++) {
		__atomic_store_n(&programs->mutes[i].slots, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&programs->mutes[i].key, 0, __ATOMIC_RELEASE);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t slots = slots_of(&mutes[i].types),
			 key = mutes[i].number | (mutes[i].user ? RECORD_MUTE_USER : 0);
		struct record_mute *to = key != 0 && slots != 0 ? place_for(programs->mutes, key) : NULL;
		if (!to)
			continue;
		__atomic_store_n(&to->key, key, __ATOMIC_RELEASE);
		__atomic_store_n(&to->slots, to->slots | slots, __ATOMIC_RELEASE);
		all |= slots;
	}
	__atomic_store_n(programs->muted_slots, all, __ATOMIC_SEQ_CST);
}

void sensor_bpf_kernel_counts(const struct sensor *sensor, uint64_t *ret_produced, uint64_t *ret_lost)
{
	*ret_produced = *ret_lost = 0;
	for (size_t slot = 0; slot < RECORD_N_SLOTS; slot++) {
		struct record_counter count = kernel_count(sensor_bpf(sensor), slot);
		*ret_produced += count.produced;
		*ret_lost += count.lost;
	}
}

uint64_t sensor_bpf_taken(const struct sensor *sensor)
{
	return sensor_bpf(sensor)->taken;
}

/* The program that gives an event. */
struct program_row {
	uint16_t type;
	int16_t hook; /* enum bpf_hook, or -1 */
	uint16_t family; /* enum record_family, or 0 */
};

static const struct program_row program_rows[] = {
	{RS_EVENT_FORK, BPF_HOOK_FORK, 0},
	{RS_EVENT_EXEC, BPF_HOOK_EXEC, 0},
	{RS_EVENT_EXIT, BPF_HOOK_EXIT, 0},
	{RS_EVENT_SIGNAL, BPF_HOOK_SIGNAL, 0},
	{RS_EVENT_CREDENTIALS, -1, RECORD_FAMILY_CREDENTIALS},
	{RS_EVENT_NAMESPACE, -1, RECORD_FAMILY_NAMESPACE},
	{RS_EVENT_PTRACE, -1, RECORD_FAMILY_PTRACE},
	{RS_EVENT_MEMORY_WRITE, -1, RECORD_FAMILY_MEMORY_WRITE},
	{RS_EVENT_CREATE, -1, RECORD_FAMILY_OPEN},
	{RS_EVENT_UNLINK, -1, RECORD_FAMILY_UNLINK},
	{RS_EVENT_RENAME, -1, RECORD_FAMILY_RENAME},
	{RS_EVENT_LINK, -1, RECORD_FAMILY_CREATE},
	{RS_EVENT_TRUNCATE, -1, RECORD_FAMILY_TRUNCATE},
	{RS_EVENT_MODE, -1, RECORD_FAMILY_MODE},
	{RS_EVENT_OWNER, -1, RECORD_FAMILY_OWNER},
	{RS_EVENT_XATTR, -1, RECORD_FAMILY_XATTR},
	{RS_EVENT_MAP_EXEC, -1, RECORD_FAMILY_MMAP},
	{RS_EVENT_PROTECT_EXEC, -1, RECORD_FAMILY_MPROTECT},
	{RS_EVENT_MEMFD, -1, RECORD_FAMILY_MEMFD},
	{RS_EVENT_CONNECT, -1, RECORD_FAMILY_CONNECT},
	{RS_EVENT_BIND, -1, RECORD_FAMILY_BIND},
	{RS_EVENT_LISTEN, -1, RECORD_FAMILY_LISTEN},
	{RS_EVENT_ACCEPT, -1, RECORD_FAMILY_ACCEPT},
	{RS_EVENT_DNS_QUESTION, -1, RECORD_FAMILY_DNS_SEND},
	{RS_EVENT_MODULE_LOAD, -1, RECORD_FAMILY_MODULE},
	{RS_EVENT_BPF_LOAD, -1, RECORD_FAMILY_BPF},
	{RS_EVENT_KEXEC, -1, RECORD_FAMILY_KEXEC},
	{RS_EVENT_MOUNT, -1, RECORD_FAMILY_MOUNT},
	{RS_EVENT_UNMOUNT, -1, RECORD_FAMILY_UNMOUNT},
};

/* Why the program behind an event is not there; "" when it is. */
static const char *missing(const struct bpf_programs *programs, uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_rows); i++)
		if (program_rows[i].type == type)
			return program_rows[i].hook >= 0 ? programs->hook_reasons[program_rows[i].hook]
							 : programs->family_reasons[program_rows[i].family];
	return "no program gives it";
}

static void bpf_abilities(const struct sensor *sensor, struct session_ability *abilities)
{
	const struct bpf_programs *programs = sensor_bpf(sensor)->programs;
	for (size_t i = 0; i < promise_n; i++) {
		const struct promise *promise = &promises[i];
		if (promise->source == PROMISE_FANOTIFY)
			continue;
		const char *why_not = promise->source == PROMISE_BPF ? missing(programs, promise->type) : "";
		struct session_ability *to = &abilities[catalogue_find(promise->type) - catalogue_events];
		uint8_t state = why_not[0] ? SESSION_UNAVAILABLE : promise->state;
		if (state < to->state || (state == to->state && state != SESSION_UNAVAILABLE))
			continue; /* another back end does as well or better */
		to->event_type = promise->type;
		to->state = state;
		snprintf(to->reason, sizeof(to->reason), "%s", why_not[0] ? why_not : promise->reason);
	}
}

const struct sensor_ops sensor_bpf_ops = {
	.name = "bpf",
	.open = bpf_open,
	.begin = bpf_begin,
	.counters = bpf_counters,
	.abilities = bpf_abilities,
	.want = bpf_want,
	.mute = bpf_mute,
	.close = bpf_close,
};
