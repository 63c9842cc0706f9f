/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays rule files, and changed copies of them, through the loader: whatever is in one, it is refused or it scans.
 *
 *     fuzz_test DIRECTORY [CHANGES]       each file of it, CHANGES times changed, the same on every run
 *
 * libyara's compiler may fall over such a file; that is why it runs in a process of its own. Here each file has one
 * too: what its end by a signal means is that the agent refuses the file, and it is counted and told.
 */
#include "common/common.h"
#include "yara/compile.h"
#include "yara/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX 65536u

/* libyara loses the buffers of a file that includes a broken one; the process that compiles lives no longer than that.
 */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libyara.so";
}

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return below ? (uint32_t)(random_state >> 33) % below : 0;
}

static size_t change(char *data, size_t size)
{
	static const char *const words[] = {"rule",
					    "{",
					    "}",
					    "(",
					    ")",
					    "strings:",
					    "condition:",
					    "$a",
					    "include \"x\"",
					    "/",
					    "\"",
					    "global",
					    "private",
					    "for all i in (0..filesize):",
					    "import \"elf\"",
					    "filepath",
					    "\\x"};
	for (uint32_t n = 1 + draw(3); n > 0 && size > 0; n--) {
		uint32_t at = draw((uint32_t)size), kind = draw(4);
		const char *word = words[draw(ARRAY_SIZE(words))];
		size_t length = strlen(word);
		if (kind == 0)
			data[at] = (char)draw(256);
		else if (kind == 1)
			size = at;
		else if (kind == 2 && size + length < INPUT_MAX) {
			memmove(data + at + length, data + at, size - at);
			memcpy(data + at, word, length);
			size += length;
		} else {
			uint32_t cut = draw((uint32_t)(size - at));
			memmove(data + at, data + at + cut, size - at - cut);
			size -= cut;
		}
	}
	return size;
}

static void report(void *data, const char *line)
{
	/* "FILE:LINE: words" */
	if (!strchr(line, ':'))
		abort();
}

static int scan(int fd)
{
	static const struct inspect_limits limits = {.size_max_bytes = 1u << 20};
	const struct compile_opts opts = {.report = report};
	char problem[COMPILE_PROBLEM_SIZE] = "";
	struct inspect_result result;
	struct ruleset *set;
	struct inspect *inspect;
	if (compile_directory(fd, &opts, &set, problem) < 0)
		return problem[0] ? 1 : 3;
	if (inspect_new(set, &limits, &inspect) < 0)
		return 3;
	inspect_bytes(inspect, "abc", 3, "/x/y.so", now_ns() + 200000000, &result);
	inspect_free(inspect);
	ruleset_free(set);
	return result.outcome < INSPECT_N_OUTCOMES ? 0 : 3;
}

/* 0 loaded, 1 refused, 2 ended by a signal, 3 wrong. */
static int play(int directory_fd, const char *data, size_t size)
{
	int status, fd = openat(directory_fd, "input.yar", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 3;
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0}, cpu = {20, 20};
		setrlimit(RLIMIT_CORE, &none);
		setrlimit(RLIMIT_CPU, &cpu);
		_exit(scan(directory_fd));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 3;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static size_t read_input(const char *directory, const char *name, char *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, INPUT_MAX / 2);
	return n < 0 ? 0 : (size_t)n;
}

int main(int argc, char **argv)
{
	static char input[INPUT_MAX], changed[INPUT_MAX];
	unsigned counts[4] = {0}, changes = argc > 2 ? (unsigned)atoi(argv[2]) : 8, n = 0;
	char work[] = "/tmp/yara-fuzz-XXXXXX", path[64];
	struct dirent **entries;
	int found = argc > 1 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
	if (found < 0 || !mkdtemp(work) || yr_initialize() != ERROR_SUCCESS)
		return 2;
	_cleanup_(closep) int directory_fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < found; i++) {
		size_t size = entries[i]->d_name[0] == '.' ? 0 : read_input(argv[1], entries[i]->d_name, input);
		for (unsigned j = 0; size > 0 && j <= changes; j++, n++) {
			memcpy(changed, input, size);
			counts[play(directory_fd, changed, j ? change(changed, size) : size) & 3]++;
		}
		free(entries[i]);
	}
	free(entries);
	snprintf(path, sizeof(path), "%s/input.yar", work);
	unlink(path);
	rmdir(work);
	yr_finalize();
	printf("%u inputs: %u loaded, %u refused, %u ended libyara by a signal, %u wrong\n", n, counts[0], counts[1],
	       counts[2], counts[3]);
	return n == 0 || counts[3] > 0;
}
