/* SPDX-License-Identifier: Apache-2.0 */
/* Programs handed from one engine to the next, on this kernel; and what is not taken over. Needs root. */
#include "sensor/bpf_load.h"

#include "base/fd.h"
#include "base/macro.h"
#include "sensor/bpf_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MAPS_FROM 1 /* after the note: records, counters, variables, families */

static struct bpf_programs *last_engine; /* loaded once; loading takes long */

static int load_once(void **state)
{
	return bpf_programs_new(false, &last_engine);
}

static int unload(void **state)
{
	bpf_programs_free(last_engine);
	return 0;
}

/* What the parent holds when an engine has ended: the same programs, and a note of its own, which tests change. */
static size_t leave(int fds[BPF_KEPT_MAX])
{
	static char note[1 << 16];
	int borrowed[BPF_KEPT_MAX];
	last_engine->lost_told[3] = 42;
	size_t n = bpf_programs_kept(last_engine, borrowed);
	assert_true(n > 6 && n <= BPF_KEPT_MAX);
	ssize_t size = pread(borrowed[0], note, sizeof(note), 0);
	assert_true(size > 0);
	fds[0] = fd_memfd("note", (size_t)size);
	assert_int_equal(pwrite(fds[0], note, (size_t)size, 0), size);
	for (size_t i = 1; i < n; i++)
		fds[i] = fcntl(borrowed[i], F_DUPFD_CLOEXEC, 0);
	return n;
}

static size_t records(const struct bpf_programs *programs)
{
	struct bpf_ring *ring;
	size_t n = 0, size;
	assert_int_equal(bpf_ring_new(programs->ring_fd, programs->ring_size_bytes, &ring), 0);
	for (; bpf_ring_peek(ring, &size); n++)
		bpf_ring_consume(ring);
	bpf_ring_free(ring);
	return n;
}

static void make_a_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_taken_over(void **state)
{
	int fds[BPF_KEPT_MAX], again[BPF_KEPT_MAX];
	struct bpf_programs *programs;
	size_t n = leave(fds);
	/* nobody reads, and it is recorded all the same */
	for (int i = 0; i < 10; i++)
		make_a_process();
	assert_int_equal(bpf_programs_adopt(false, fds, n, &programs), 0);
	assert_true(records(programs) >= 20); /* a fork and an exit each */
	make_a_process();
	assert_true(records(programs) >= 2);
	assert_true(programs->hooks[BPF_HOOK_FORK] && programs->hooks[BPF_HOOK_EXEC] && programs->hooks[BPF_HOOK_EXIT]);
	assert_true(programs->families != 0);
	assert_int_equal(programs->lost_told[3], 42);
	/* system calls can be attached to, and it can be handed on once more */
	assert_int_equal(bpf_programs_attach_calls(programs, true), 0);
	assert_int_equal(bpf_programs_attach_calls(programs, false), 0);
	assert_int_equal(bpf_programs_kept(programs, again), n);
	bpf_programs_free(programs);
}

/* Whatever is wrong: refused, nothing is left open. */
static void refuse(int *fds, size_t n)
{
	struct bpf_programs *programs;
	assert_int_equal(bpf_programs_adopt(false, fds, n, &programs), -ESTALE);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
}

static void replace(int *fd, int with)
{
	assert_true(with >= 0);
	close(*fd);
	*fd = with;
}

static void test_another_build(void **state)
{
	int fds[BPF_KEPT_MAX];
	size_t n = leave(fds);
	uint64_t hash = 1;
	assert_int_equal(pwrite(fds[0], &hash, sizeof(hash), 8), sizeof(hash));
	refuse(fds, n);
}

static void test_too_few(void **state)
{
	int fds[BPF_KEPT_MAX];
	size_t n = leave(fds);
	close(fds[n - 1]);
	refuse(fds, n - 1);
	n = leave(fds);
	for (size_t i = 2; i < n; i++)
		close(fds[i]);
	refuse(fds, 2);
}

static void test_something_else(void **state)
{
	for (size_t i = 0; i <= 4; i++) {
		int fds[BPF_KEPT_MAX];
		size_t n = leave(fds);
		replace(&fds[i], open("/dev/null", O_RDONLY | O_CLOEXEC));
		refuse(fds, n);
	}
}

static void test_maps_exchanged(void **state)
{
	int fds[BPF_KEPT_MAX];
	size_t n = leave(fds);
	int ring = fds[MAPS_FROM];
	fds[MAPS_FROM] = fds[MAPS_FROM + 1];
	fds[MAPS_FROM + 1] = ring;
	refuse(fds, n);
}

static void test_a_place_that_cannot_be(void **state)
{
	static const uint64_t places[] = {UINT64_MAX, 1, UINT64_C(1) << 40};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fds[BPF_KEPT_MAX];
		size_t n = leave(fds);
		uint64_t *consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[MAPS_FROM], 0);
		assert_ptr_not_equal(consumer, MAP_FAILED);
		uint64_t place = *consumer;
		*consumer = places[i];
		refuse(fds, n);
		*consumer = place;
		munmap(consumer, 4096);
	}
}

int main(void)
{
	if (geteuid() != 0) {
		fprintf(stderr, "bpf_keep_test: expected root, found user %u: run it as root\n", geteuid());
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_over),     cmocka_unit_test(test_another_build),
		cmocka_unit_test(test_too_few),        cmocka_unit_test(test_something_else),
		cmocka_unit_test(test_maps_exchanged), cmocka_unit_test(test_a_place_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, load_once, unload);
}
