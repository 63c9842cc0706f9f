/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reputation-compile: a text list into the file that `reputation` loads.
 *
 *     text ─▶ list_build ─▶ FILE.new ─▶ fsync ─▶ rename over FILE: a reader sees the old list or the new one
 */
#include "common/common.h"
#include "reputation/list_build.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static void usage(void)
{
	puts("usage: reputation-compile [--version TEXT] [--output FILE] [LIST]\n"
	     "Compiles LIST, or standard input, for `reputation --list`.\n\n"
	     "  a line:   SHA-256  [allow|deny]  [name]      deny when neither is said; # begins a comment\n"
	     "  --output FILE    replaced at once, when the list is right (reputation.list)\n"
	     "  --version TEXT   shown wherever the list is named, at most 63 bytes (made from the content)\n\n"
	     "exit: 0 written, 1 something is wrong in the list or with a file, 2 wrong usage");
}

static int write_file(struct list_builder *builder, const char *path, const char *version,
		      struct list_problems *problems)
{
	char name[4096];
	if (snprintf(name, sizeof(name), "%s.new", path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	_cleanup_(closep) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int r = list_build_write(builder, fd, version, problems);
	if (r >= 0 && (fsync(fd) < 0 || rename(name, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(name);
	return r;
}

static void print_problems(const char *source, const struct list_problems *problems)
{
	for (uint64_t i = 0; i < MIN(problems->n, (uint64_t)LIST_PROBLEMS_MAX); i++)
		fprintf(stderr, "%s: %s\n", source, problems->text[i]);
	if (problems->n > LIST_PROBLEMS_MAX)
		fprintf(stderr, "%s: and %llu more\n", source, (unsigned long long)(problems->n - LIST_PROBLEMS_MAX));
}

static int compile(const char *source, const char *output, const char *version)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	_cleanup_(closep) int fd = source ? open(source, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (fd < 0) {
		say("%s: cannot be opened: %s", source ? source : "standard input", strerror(errno));
		return -errno;
	}
	int r = list_builder_new(LIST_ENTRIES_MAX, &builder);
	if (r < 0)
		return r;
	r = list_build_text(builder, fd, &problems);
	size_t lines = list_builder_n(builder);
	/* also with problems: sorting finds contradictions, and everything wrong is told at once */
	if (r >= 0)
		r = write_file(builder, output, version, &problems);
	print_problems(source ? source : "standard input", &problems);
	if (r < 0 && problems.n == 0)
		say("%s: cannot be written: %s", output, strerror(-r));
	if (r >= 0)
		printf("%s: %zu entries, %zu repeated\n", output, list_builder_n(builder),
		       lines - list_builder_n(builder));
	list_builder_free(builder);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"output", required_argument, NULL, 'o'},
					      {"version", required_argument, NULL, 'v'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	const char *output = "reputation.list", *version = NULL;
	for (int c; (c = getopt_long(argc, argv, "o:v:h", names, NULL)) != -1;) {
		if (c == 'o')
			output = optarg;
		else if (c == 'v')
			version = optarg;
		else {
			usage();
			return c == 'h' ? 0 : 2;
		}
	}
	if (optind + 1 < argc || (version && strlen(version) >= LIST_VERSION_SIZE)) {
		usage();
		return 2;
	}
	return compile(argv[optind], output, version) < 0 ? 1 : 0;
}
