/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/folder.h"

#include "common/common.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* libyara loses the buffers of a file that includes a broken one; the process that compiles lives no longer than that.
 */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libyara.so";
}

void folder_init(struct folder *folder)
{
	strcpy(folder->path, "/tmp/yara-test-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder->fd >= 0);
	folder->told[0] = folder->problem[0] = '\0';
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	return remove(path);
}

void folder_deinit(struct folder *folder)
{
	close(folder->fd);
	assert_int_equal(nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_write(struct folder *folder, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void report(void *data, const char *line)
{
	struct folder *folder = data;
	size_t used = strlen(folder->told);
	snprintf(folder->told + used, sizeof(folder->told) - used, "%s\n", line);
}

struct ruleset *folder_compile(struct folder *folder, bool strict, const struct ruleset_head *tolerated)
{
	struct ruleset *set = NULL;
	struct compile_opts opts = {.strict = strict, .tolerated = tolerated, .report = report, .data = folder};
	folder->told[0] = folder->problem[0] = '\0';
	int r = compile_directory(folder->fd, &opts, &set, folder->problem);
	assert_int_equal(r == 0, set != NULL);
	return set;
}

struct ruleset *folder_rules(const char *text)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	folder_init(folder);
	folder_write(folder, "rules.yar", text);
	struct ruleset *set = folder_compile(folder, true, NULL);
	if (!set)
		print_error("%s%s\n", folder->told, folder->problem);
	assert_non_null(set);
	folder_deinit(folder);
	free(folder);
	return set;
}
