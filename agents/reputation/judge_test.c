/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/judge.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define N_EVENTS (JUDGE_QUESTIONS_MAX + 10u)
#define MIB (1u << 20)

/* A platform: the descriptor of each event id, and what was answered, in order. */
struct platform {
	int fds[N_EVENTS];
	unsigned n_answers;
	struct {
		uint64_t id;
		struct judge_answer answer;
	} answers[N_EVENTS];
	struct list *list;
	struct hash_cache *cache;
	struct judge *judge;
};

static int fake_fd(void *data, const struct rs_event *event)
{
	return ((struct platform *)data)->fds[event->id];
}

static void fake_answer(void *data, const struct rs_event *event, const struct judge_answer *answer)
{
	struct platform *platform = data;
	for (unsigned i = 0; i < platform->n_answers; i++)
		assert_int_not_equal(platform->answers[i].id, event->id);
	platform->answers[platform->n_answers].id = event->id;
	platform->answers[platform->n_answers++].answer = *answer;
}

/* A file of this many bytes of one value. */
static int file_of(unsigned char byte, size_t size)
{
	char *bytes = test_malloc(size + 1);
	int fd = memfd_create("file", MFD_CLOEXEC);
	memset(bytes, byte, size);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	test_free(bytes);
	return fd;
}

static void hex_of(unsigned char byte, size_t size, char *hex)
{
	uint8_t digest[DIGEST_SIZE];
	char *bytes = test_malloc(size + 1);
	memset(bytes, byte, size);
	assert_int_equal(EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL), 1);
	digest_to_hex(digest, hex);
	test_free(bytes);
}

static struct list *list_of(const char *text)
{
	struct list *list;
	char problem[LIST_PROBLEM_TEXT_SIZE];
	int fd = memfd_create("list", MFD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	lseek(fd, 0, SEEK_SET);
	int r = list_load_begin(fd, &list, problem);
	while (r == 0)
		r = list_load_step(list, problem);
	assert_int_equal(r, 1);
	return list;
}

/* The list denies 1,000 times 'd' as "bad", and allows 1,000 times 'a'. */
static void platform_init(struct platform *platform, const struct judge_policy *policy)
{
	static const struct judge_policy default_policy = {.size_max_bytes = UINT64_MAX};
	char text[512], denied[DIGEST_HEX_SIZE + 1], allowed[DIGEST_HEX_SIZE + 1];
	hex_of('d', 1000, denied);
	hex_of('a', 1000, allowed);
	snprintf(text, sizeof(text), "%s deny bad\n%s allow good\n", denied, allowed);
	memset(platform, 0, sizeof(*platform));
	memset(platform->fds, -1, sizeof(platform->fds));
	platform->list = list_of(text);
	assert_int_equal(hash_cache_new(64, &platform->cache), 0);
	struct judge_ops ops = {.data = platform, .fd = fake_fd, .answer = fake_answer};
	assert_int_equal(
		judge_new(&ops, policy ? policy : &default_policy, platform->list, platform->cache, &platform->judge),
		0);
}

static void platform_deinit(struct platform *platform)
{
	judge_free(platform->judge);
	hash_cache_free(platform->cache);
	list_free(platform->list);
	for (size_t i = 0; i < N_EVENTS; i++)
		closep(&platform->fds[i]);
}

static void ask(struct platform *platform, uint64_t id, int fd, uint64_t time_ms)
{
	struct {
		struct rs_event event;
		struct rs_event_auth_exec body;
	} question = {.event = {.size = sizeof(question),
				.type = RS_EVENT_AUTH_EXEC,
				.flags = RS_EVENT_IS_AUTH | RS_EVENT_HAS_FD,
				.header_size = sizeof(question.event),
				.body_offset = sizeof(question.event),
				.body_size = sizeof(question.body),
				.id = id,
				.deadline_ns = now_ns() + time_ms * 1000000}};
	platform->fds[id] = fd;
	judge_take(platform->judge, &question.event);
}

static void work(struct platform *platform)
{
	for (int i = 0; i < 100000 && judge_step(platform->judge); i++)
		;
}

static const struct judge_answer *answer_of(const struct platform *platform, uint64_t id)
{
	for (unsigned i = 0; i < platform->n_answers; i++)
		if (platform->answers[i].id == id)
			return &platform->answers[i].answer;
	fail_msg("no answer to %llu", (unsigned long long)id);
	return NULL;
}

static void test_by_digest(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	ask(&platform, 1, file_of('d', 1000), 60000);
	ask(&platform, 2, file_of('a', 1000), 60000);
	ask(&platform, 3, file_of('d', 1001), 60000);
	ask(&platform, 4, file_of('d', 0), 60000);
	ask(&platform, 5, file_of('x', 3 * MIB + 17), 60000);
	work(&platform);
	assert_int_equal(platform.n_answers, 5);
	const struct judge_answer *answer = answer_of(&platform, 1);
	assert_int_equal(answer->outcome, JUDGE_DENIED);
	assert_true(answer->deny);
	assert_false(answer->cache);
	assert_string_equal(answer->name, "bad");
	answer = answer_of(&platform, 2);
	assert_int_equal(answer->outcome, JUDGE_ALLOWED);
	assert_true(!answer->deny && answer->cache);
	for (uint64_t id = 3; id <= 5; id++) {
		answer = answer_of(&platform, id);
		assert_int_equal(answer->outcome, JUDGE_UNLISTED);
		assert_true(!answer->deny && answer->cache);
	}
	char hex[DIGEST_HEX_SIZE + 1];
	hex_of('x', 3 * MIB + 17, hex);
	assert_string_equal(answer_of(&platform, 5)->digest, hex);
	assert_int_equal(judge_counters(platform.judge)->questions, 5);
	assert_int_equal(judge_counters(platform.judge)->hashed_bytes, 1000 + 1000 + 1001 + 3 * MIB + 17);
	platform_deinit(&platform);
}

static void test_policy(void **state)
{
	struct platform platform;
	struct judge_policy policy = {.size_max_bytes = 5000, .deny_unlisted = true, .deny_too_large = true};
	platform_init(&platform, &policy);
	ask(&platform, 1, file_of('x', 5000), 60000);
	ask(&platform, 2, file_of('x', 5001), 60000);
	ask(&platform, 3, file_of('a', 1000), 60000);
	work(&platform);
	assert_true(answer_of(&platform, 1)->deny);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_UNLISTED);
	assert_true(answer_of(&platform, 2)->deny);
	assert_int_equal(answer_of(&platform, 2)->outcome, JUDGE_TOO_LARGE);
	assert_false(answer_of(&platform, 3)->deny);
	platform_deinit(&platform);
	policy = (struct judge_policy){.size_max_bytes = 5000};
	platform_init(&platform, &policy);
	ask(&platform, 1, file_of('x', 5001), 60000);
	assert_false(answer_of(&platform, 1)->deny);
	assert_false(answer_of(&platform, 1)->cache);
	platform_deinit(&platform);
}

static void test_what_has_no_digest(void **state)
{
	struct platform platform;
	int pipe_fds[2];
	platform_init(&platform, NULL);
	assert_int_equal(pipe(pipe_fds), 0);
	ask(&platform, 1, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 60000);
	ask(&platform, 2, pipe_fds[0], 60000);
	ask(&platform, 3, -ENOENT, 60000);
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	ask(&platform, 4, fd, 60000);
	work(&platform);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_NOT_A_FILE);
	assert_true(answer_of(&platform, 1)->cache);
	assert_int_equal(answer_of(&platform, 2)->outcome, JUDGE_NOT_A_FILE);
	assert_int_equal(answer_of(&platform, 3)->outcome, JUDGE_NO_DESCRIPTOR);
	assert_false(answer_of(&platform, 3)->cache);
	assert_int_equal(answer_of(&platform, 4)->outcome, JUDGE_READ_ERROR);
	assert_false(answer_of(&platform, 4)->cache);
	close(pipe_fds[1]);
	platform_deinit(&platform);
}

/* Small files that come later are answered before a large one is through. */
static void test_large_file_does_not_block(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	ask(&platform, 1, file_of('x', 32 * MIB), 60000);
	for (uint64_t id = 2; id < 40; id++)
		ask(&platform, id, file_of('d', 1000), 61000);
	for (int i = 0; i < 60; i++)
		judge_step(platform.judge);
	assert_int_equal(platform.n_answers, 38);
	for (uint64_t id = 2; id < 40; id++)
		assert_true(answer_of(&platform, id)->deny);
	work(&platform);
	assert_int_equal(platform.answers[38].id, 1);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_UNLISTED);
	platform_deinit(&platform);
}

/* And an endless row of small files does not keep a large one from its turn. */
static void test_small_files_do_not_starve_a_large_one(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	ask(&platform, 0, file_of('x', 5 * MIB), 60000);
	uint64_t id = 1;
	for (int i = 0; i < 100 && id < N_EVENTS; i++) {
		if (i % 2 == 0 && platform.n_answers + 10 > id)
			ask(&platform, id++, file_of('y', 1000), 60000);
		judge_step(platform.judge);
	}
	assert_int_equal(answer_of(&platform, 0)->outcome, JUDGE_UNLISTED);
	platform_deinit(&platform);
}

static void test_time_runs_out(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	ask(&platform, 1, file_of('d', 64 * MIB), 40);
	ask(&platform, 2, file_of('d', 1000), 60000);
	judge_step(platform.judge);
	usleep(35000);
	work(&platform);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_NO_TIME);
	assert_false(answer_of(&platform, 1)->deny);
	assert_false(answer_of(&platform, 1)->cache);
	assert_true(answer_of(&platform, 2)->deny);
	platform_deinit(&platform);
}

static void test_too_many_at_a_time(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	for (uint64_t id = 0; id < N_EVENTS; id++)
		ask(&platform, id, file_of('d', 1000), 60000);
	assert_int_equal(platform.n_answers, N_EVENTS - JUDGE_QUESTIONS_MAX);
	for (unsigned i = 0; i < platform.n_answers; i++) {
		assert_int_equal(platform.answers[i].answer.outcome, JUDGE_TOO_MANY);
		assert_false(platform.answers[i].answer.cache);
	}
	work(&platform);
	assert_int_equal(platform.n_answers, N_EVENTS);
	assert_int_equal(judge_counters(platform.judge)->outcomes[JUDGE_DENIED], JUDGE_QUESTIONS_MAX);
	platform_deinit(&platform);
}

/* A file that is written to while it is hashed: begun again, then hashed as it is; one that never rests is let go. */
static void test_changing_file(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	int fd = file_of('x', 2 * MIB);
	ask(&platform, 1, fd, 60000);
	judge_step(platform.judge);
	assert_int_equal(ftruncate(fd, 0), 0);
	char bytes[1000];
	memset(bytes, 'd', sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	work(&platform);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_DENIED);
	fd = file_of('x', 2 * MIB);
	ask(&platform, 2, fd, 60000);
	for (int i = 0; i < 100 && judge_step(platform.judge); i++) {
		usleep(5000);
		assert_int_equal(pwrite(fd, bytes, 1, i), 1);
	}
	assert_int_equal(answer_of(&platform, 2)->outcome, JUDGE_CHANGING);
	platform_deinit(&platform);
}

/* The descriptor goes with the session: what was in progress is let go, and nothing else is read in its place. */
static void test_descriptor_goes(void **state)
{
	struct platform platform;
	platform_init(&platform, NULL);
	ask(&platform, 1, file_of('d', 4 * MIB), 60000);
	judge_step(platform.judge);
	closep(&platform.fds[1]);
	platform.fds[1] = -ENOENT;
	work(&platform);
	assert_int_equal(answer_of(&platform, 1)->outcome, JUDGE_NO_DESCRIPTOR);
	platform_deinit(&platform);
}

static void test_new_list_counts_at_once(void **state)
{
	struct platform platform;
	char text[128], hex[DIGEST_HEX_SIZE + 1];
	platform_init(&platform, NULL);
	ask(&platform, 1, file_of('x', 2 * MIB), 60000);
	judge_step(platform.judge);
	hex_of('x', 2 * MIB, hex);
	snprintf(text, sizeof(text), "%s deny new\n", hex);
	struct list *list = list_of(text);
	judge_set_list(platform.judge, list);
	list_free(platform.list);
	platform.list = list;
	work(&platform);
	assert_true(answer_of(&platform, 1)->deny);
	assert_string_equal(answer_of(&platform, 1)->name, "new");
	platform_deinit(&platform);
}

static void test_hash_cache(void **state)
{
	struct hash_cache *cache;
	struct stat status = {.st_dev = 1, .st_ino = 2, .st_size = 3}, other;
	uint8_t digest[DIGEST_SIZE] = {1, 2, 3}, found[DIGEST_SIZE];
	status.st_ctim.tv_sec = 1000;
	assert_int_equal(hash_cache_new(16, &cache), 0);
	assert_false(hash_cache_get(cache, &status, found));
	hash_cache_put(cache, &status, digest);
	assert_true(hash_cache_get(cache, &status, found));
	assert_memory_equal(found, digest, DIGEST_SIZE);
	other = status;
	other.st_ctim.tv_nsec = 1;
	assert_false(hash_cache_get(cache, &other, found));
	other = status;
	other.st_size = 4;
	assert_false(hash_cache_get(cache, &other, found));
	other = status;
	other.st_dev = 2;
	assert_false(hash_cache_get(cache, &other, found));
	/* full sets give up entries and never mix them up */
	for (unsigned i = 0; i < 1000; i++) {
		other.st_ino = i;
		memcpy(digest, &i, sizeof(i));
		hash_cache_put(cache, &other, digest);
		assert_true(hash_cache_get(cache, &other, found));
		assert_memory_equal(found, digest, DIGEST_SIZE);
	}
	hash_cache_free(cache);
	assert_int_equal(hash_cache_new(0, &cache), 0);
	hash_cache_put(cache, &status, digest);
	assert_false(hash_cache_get(cache, &status, found));
	hash_cache_free(cache);
}

static void test_where_a_digest_may_be_kept(void **state)
{
	struct stat status = {0};
	status.st_ctim.tv_sec = 100000;
	assert_true(hash_cache_is_safe(&status, EXT4_SUPER_MAGIC, 100000 + HASH_CACHE_AGE_S));
	assert_false(hash_cache_is_safe(&status, EXT4_SUPER_MAGIC, 100000 + HASH_CACHE_AGE_S - 1));
	assert_false(hash_cache_is_safe(&status, EXT4_SUPER_MAGIC, 99999));
	assert_false(hash_cache_is_safe(&status, TMPFS_MAGIC, 200000));
	assert_false(hash_cache_is_safe(&status, NFS_SUPER_MAGIC, 200000));
	assert_false(hash_cache_is_safe(&status, 0x65735546 /* fuse */, 200000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_digest),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_what_has_no_digest),
		cmocka_unit_test(test_large_file_does_not_block),
		cmocka_unit_test(test_small_files_do_not_starve_a_large_one),
		cmocka_unit_test(test_time_runs_out),
		cmocka_unit_test(test_too_many_at_a_time),
		cmocka_unit_test(test_changing_file),
		cmocka_unit_test(test_descriptor_goes),
		cmocka_unit_test(test_new_list_counts_at_once),
		cmocka_unit_test(test_hash_cache),
		cmocka_unit_test(test_where_a_digest_may_be_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
