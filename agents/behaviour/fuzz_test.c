/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays list files, and changed copies of them, through the parser of lists: whatever is in one, it is read, or refused
 * with a line and a sentence; the lists hold together; and what was read, written down again, is read the same.
 *
 *     fuzz_test DIRECTORY [CHANGES]       each file of it, CHANGES times changed, the same on every run
 */
#include "behaviour/lists.h"
#include "common/common.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX LISTS_FILE_MAX
#define WRITTEN_MAX (2u * LISTS_PATTERNS_MAX * LISTS_PATTERN_SIZE)

#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			fail(__LINE__, #condition); \
	} while (0)

static const char *played; /* the file, for whoever reads of a failure */

static void __attribute__((noreturn)) fail(int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s: expected %s\n", __FILE__, line, played, condition);
	abort();
}

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return below ? (uint32_t)(random_state >> 33) % below : 0;
}

static size_t insert(char *data, size_t size, size_t at, const char *word, size_t length)
{
	if (size + length > INPUT_MAX)
		return size;
	memmove(data + at + length, data + at, size - at);
	memcpy(data + at, word, length);
	return size + length;
}

static size_t change(char *data, size_t size)
{
	static const char *const words[] = {"shells", "servers",     "users", " = ",      " += ",     "+",    "=",
					    "\n",     "#",           "*",     "[a-",      "\\",       "/",    "[0-9]*",
					    "\t\v\f", "kill = deny", "1-",    "-1-65536", "\xff\xfe", "a b c"};
	for (uint32_t n = 1 + draw(4); n > 0 && size > 0; n--) {
		uint32_t at = draw((uint32_t)size), length = draw((uint32_t)(size - at)) + 1;
		const char *word = words[draw(ARRAY_SIZE(words))];
		switch (draw(5)) {
		case 0:
			data[at] = (char)draw(256);
			break;
		case 1:
			size = at;
			break;
		case 2:
			size = insert(data, size, at, word, strlen(word));
			break;
		case 3:
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		case 4: { /* doubled */
			static char part[INPUT_MAX];
			memcpy(part, data + at, length);
			size = insert(data, size, at, part, length);
			break;
		}
		}
	}
	return size;
}

static void check_pattern(const struct list_pattern *pattern, uint32_t list)
{
	EXPECT(pattern->list == list);
	EXPECT(memchr(pattern->text, '\0', sizeof(pattern->text)) && pattern->text[0] != '\0');
	for (const char *at = pattern->text; *at; at++)
		EXPECT(!isspace((unsigned char)*at) && *at != '#');
	EXPECT(pattern->path == (strchr(pattern->text, '/') != NULL));
	EXPECT(pattern->plain == (strpbrk(pattern->text, "*?[\\") == NULL));
}

static void check_lists(const struct lists *lists)
{
	EXPECT(lists->begin[0] == 0 && lists->begin[LISTS_N] <= LISTS_PATTERNS_MAX);
	for (uint32_t list = 0; list < LISTS_N; list++) {
		EXPECT(lists->begin[list] <= lists->begin[list + 1]);
		for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++)
			check_pattern(&lists->patterns[i], list);
	}
}

static void use(const struct lists *lists)
{
	for (uint32_t list = 0; list < LISTS_N; list++) {
		lists_has(lists, (enum list)list, "/opt/a/serve");
		lists_allows(lists, (enum list)list, "/usr/bin/[x");
		lists_has_user(lists, (enum list)list, UINT32_MAX);
		if (lists->begin[list] == lists->begin[list + 1])
			EXPECT(!lists_has(lists, (enum list)list, "/bin/sh"));
	}
}

static size_t write_down(const struct lists *lists, char *to)
{
	size_t size = 0;
	/* first room is made: there is a limit for all of them */
	for (uint32_t list = 0; list < LISTS_N; list++)
		size += (size_t)sprintf(to + size, "%s =\n", lists_name((enum list)list));
	for (uint32_t list = 0; list < LISTS_N; list++) {
		size += (size_t)sprintf(to + size, "%s =", lists_name((enum list)list));
		for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++)
			size += (size_t)sprintf(to + size, " %s", lists->patterns[i].text);
		to[size++] = '\n';
	}
	return size;
}

static bool are_same(const struct lists *a, const struct lists *b)
{
	if (memcmp(a->begin, b->begin, sizeof(a->begin)) != 0)
		return false;
	for (uint32_t i = 0; i < a->begin[LISTS_N]; i++)
		if (strcmp(a->patterns[i].text, b->patterns[i].text) != 0)
			return false;
	return true;
}

/* Whether it was read to its end. */
static bool play(const char *data, size_t size)
{
	static struct lists lists, again;
	static char written[WRITTEN_MAX];
	char problem[256] = "";
	uint32_t n_lines = 1;
	for (size_t i = 0; i < size; i++)
		n_lines += data[i] == '\n';
	lists_init(&lists);
	uint32_t line = lists_parse(&lists, data, size, problem, sizeof(problem));
	EXPECT(line <= n_lines && (line == 0) == (problem[0] == '\0'));
	check_lists(&lists);
	use(&lists);
	size_t written_size = write_down(&lists, written);
	lists_init(&again);
	EXPECT(lists_parse(&again, written, written_size, problem, sizeof(problem)) == 0);
	EXPECT(are_same(&lists, &again));
	return line == 0;
}

static size_t read_input(const char *directory, const char *name, char *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, INPUT_MAX);
	return n < 0 ? 0 : (size_t)n;
}

int main(int argc, char **argv)
{
	static char input[INPUT_MAX], changed[INPUT_MAX];
	unsigned changes = argc > 2 ? (unsigned)atoi(argv[2]) : 2000, n = 0, n_read = 0;
	struct dirent **entries;
	int found = argc > 1 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
	for (int i = 0; i < found; i++) {
		size_t size = entries[i]->d_name[0] == '.' ? 0 : read_input(argv[1], entries[i]->d_name, input);
		played = entries[i]->d_name;
		for (unsigned j = 0; size > 0 && j <= changes; j++, n++) {
			random_state = j + size * 1000003;
			memcpy(changed, input, size);
			n_read += play(changed, j ? change(changed, size) : size);
		}
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	printf("%u inputs: %u read, %u refused\n", n, n_read, n - n_read);
	return n_read == 0 || n_read == n; /* nothing was played, or only one way gone */
}
