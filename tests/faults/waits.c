/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/waits.h"

#include "base/clock.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STEP_NS NS_PER_MS
#define PROBES_MAX ARRAY_SIZE(((struct waits_start *)0)->keepers_ns)
#define PRIORITY 2 /* the keeper's is 1, see daemon/priority.c */

static struct shared {
	/* when it is due, less all its lateness: the time since then is its lateness, the one under way too, give or
	 * take a step */
	_Atomic uint64_t keepers_due_ns[PROBES_MAX];
	_Atomic uint64_t engines_due_ns;
	uint32_t n_keepers;
	struct waits_start from;
	_Atomic uint64_t n;
	_Atomic uint64_t waited_ns;
	_Atomic uint64_t left_of_keepers_ns;
	_Atomic uint64_t left_of_engines_ns;
} *shared;

static _Noreturn void probe(_Atomic uint64_t *due_less_late_ns)
{
	uint64_t late_ns = 0;
	for (;;) {
		uint64_t due_ns = clock_monotonic_ns() + STEP_NS;
		const struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_SEC),
					     .tv_nsec = (long)(due_ns % NS_PER_SEC)};
		atomic_store(due_less_late_ns, due_ns - late_ns);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		uint64_t now_ns = clock_monotonic_ns();
		if (now_ns >= due_ns + STEP_NS)
			late_ns += now_ns - due_ns;
	}
}

/* processor: -1 for the ordinary one. */
static void start_probe(int processor, _Atomic uint64_t *due_less_late_ns)
{
	const struct sched_param param = {.sched_priority = PRIORITY};
	atomic_store(due_less_late_ns, clock_monotonic_ns());
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (processor >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)processor, &set);
		sched_setaffinity(0, sizeof(set), &set);
		if (sched_setscheduler(0, SCHED_FIFO, &param) < 0)
			setpriority(PRIO_PROCESS, 0, -20);
	}
	probe(due_less_late_ns);
}

void waits_begin(void)
{
	cpu_set_t set;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int i = 0; i < CPU_SETSIZE && shared->n_keepers < PROBES_MAX; i++)
		if (CPU_ISSET((size_t)i, &set))
			start_probe(i, &shared->keepers_due_ns[shared->n_keepers++]);
	start_probe(-1, &shared->engines_due_ns);
}

/* All its life: ready to run, without a processor. */
static uint64_t starved_ns(void)
{
	char text[128] = "";
	unsigned long long run_ns, wait_ns = 0;
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || sscanf(text, "%llu %llu", &run_ns, &wait_ns) != 2)
		wait_ns = 0;
	if (fd >= 0)
		close(fd);
	return wait_ns;
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void look(struct waits_start *ret)
{
	ret->at_ns = clock_monotonic_ns();
	for (uint32_t i = 0; i < shared->n_keepers; i++)
		ret->keepers_ns[i] = since(ret->at_ns, atomic_load(&shared->keepers_due_ns[i]));
	ret->engines_ns = since(ret->at_ns, atomic_load(&shared->engines_due_ns));
}

void waits_from_now(void)
{
	look(&shared->from);
	atomic_store(&shared->n, 0);
	atomic_store(&shared->waited_ns, 0);
	atomic_store(&shared->left_of_keepers_ns, 0);
	atomic_store(&shared->left_of_engines_ns, 0);
}

void waits_start(struct waits_start *ret)
{
	if (!shared)
		return;
	ret->starved_ns = starved_ns();
	look(ret);
}

static void raise_to(_Atomic uint64_t *longest, uint64_t value)
{
	uint64_t before = atomic_load(longest);
	while (value > before && !atomic_compare_exchange_weak(longest, &before, value))
		;
}

void waits_stop(const struct waits_start *start)
{
	int error = errno;
	struct waits_start now;
	if (!shared)
		return;
	look(&now);
	const struct waits_start *begin = shared->from.at_ns > start->at_ns ? &shared->from : start;
	uint64_t late_ns = 0;
	for (uint32_t i = 0; i < shared->n_keepers; i++)
		late_ns = MAX(late_ns, since(now.keepers_ns[i], begin->keepers_ns[i]));
	uint64_t waited_ns = now.at_ns - begin->at_ns;
	uint64_t left_ns = since(waited_ns, late_ns + since(starved_ns(), start->starved_ns));
	raise_to(&shared->waited_ns, waited_ns);
	raise_to(&shared->left_of_keepers_ns, left_ns);
	raise_to(&shared->left_of_engines_ns, since(left_ns, since(now.engines_ns, begin->engines_ns)));
	atomic_fetch_add(&shared->n, 1);
	errno = error;
}

void waits_get(struct waits_longest *ret)
{
	*ret = (struct waits_longest){.n = atomic_load(&shared->n),
				      .waited_ns = atomic_load(&shared->waited_ns),
				      .keepers_ns = atomic_load(&shared->left_of_keepers_ns),
				      .engines_ns = atomic_load(&shared->left_of_engines_ns)};
}
