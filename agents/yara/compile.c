/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/compile.h"

#include "common/common.h"
#include "yara/inspect.h"
#include "yara/source.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	char *path;
	char *bytes;
	size_t size;
	bool uses_names;
	char first_named[136]; /* the first rule that looks at a name */
};

struct compile {
	const struct compile_opts *opts;
	int directory_fd;
	struct file *files; /* the good ones */
	size_t n_files;
	size_t total_bytes;
	struct ruleset_head head;
	EVP_MD_CTX *digest;
	/* of the pass that is under way */
	struct file *file;
	bool tell; /* its errors and warnings */
	bool count; /* the bytes of what it includes */
	unsigned n_errors;
	char include_problem[256]; /* what to say in place of libyara's own words */
};

static void tell(struct compile *compile, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct compile *compile, const char *format, ...)
{
	char line[900];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	compile->opts->report(compile->opts->data, line);
}

/* libyara says line 0 for what is missing at the end. */
static int line_of(const struct file *file, const char *file_name, int line)
{
	if (line != 0 || (file_name && strcmp(file_name, file->path) != 0))
		return line;
	for (size_t i = 0; i + 1 < file->size; i++)
		line += file->bytes[i] == '\n';
	return line + 1;
}

static void on_message(int level, const char *file_name, int line, const YR_RULE *rule, const char *message, void *data)
{
	struct compile *compile = data;
	struct file *file = compile->file;
	line = line_of(file, file_name, line);
	if (level == YARA_ERROR_LEVEL_ERROR && compile->n_errors++ == 0 && rule && rule->identifier)
		snprintf(file->first_named, sizeof(file->first_named), "%s", rule->identifier);
	if (!compile->tell)
		return;
	if (level == YARA_ERROR_LEVEL_ERROR && compile->n_errors <= COMPILE_WARNINGS_TOLD)
		tell(compile, "%s:%d: %s", file_name ? file_name : file->path, line,
		     compile->include_problem[0] ? compile->include_problem : message);
	if (level == YARA_ERROR_LEVEL_WARNING && compile->head.n_warnings++ < COMPILE_WARNINGS_TOLD)
		tell(compile, "%s:%d: warning: %s", file_name ? file_name : file->path, line, message);
	compile->include_problem[0] = '\0';
}

static const char *read_error(int r)
{
	return r == -EXDEV   ? "leads out of the rule directory: put the file below it"
	       : r == -EFBIG ? "is larger than 8 MiB: split it"
			     : strerror(-r);
}

/* Relative to the file that is compiled; out of the directory nothing leads. */
static const char *on_include(const char *name, const char *from, const char *from_namespace, void *data)
{
	struct compile *compile = data;
	char path[SOURCE_PATH_SIZE];
	size_t size = 0;
	char *bytes = NULL;
	const char *slash = strrchr(compile->file->path, '/');
	int before = slash && name[0] != '/' ? (int)(slash - compile->file->path + 1) : 0, r = -ENAMETOOLONG;
	if (snprintf(path, sizeof(path), "%.*s%s", before, compile->file->path, name) < (int)sizeof(path))
		r = source_read(compile->directory_fd, path, &bytes, &size);
	if (r == 0 && compile->count && (compile->total_bytes += size) > COMPILE_BYTES_MAX)
		r = -EFBIG;
	if (r < 0) {
		free(bytes);
		snprintf(compile->include_problem, sizeof(compile->include_problem), "include \"%.100s\" %s", name,
			 read_error(r));
		return NULL;
	}
	EVP_DigestUpdate(compile->digest, bytes, size);
	return bytes;
}

static void free_include(const char *bytes, void *data)
{
	union {
		const char *in;
		void *out;
	} pointer = {.in = bytes}; /* it was ours */
	free(pointer.out);
}

static int define_names(YR_COMPILER *compiler)
{
	for (size_t i = 0; i < INSPECT_N_NAMES; i++)
		if (yr_compiler_define_string_variable(compiler, inspect_names[i], "") != ERROR_SUCCESS)
			return -ENOMEM;
	return 0;
}

static int new_compiler(struct compile *compile, bool names, YR_COMPILER **ret)
{
	if (yr_compiler_create(ret) != ERROR_SUCCESS)
		return -ENOMEM;
	yr_compiler_set_callback(*ret, on_message, compile);
	yr_compiler_set_include_callback(*ret, on_include, free_include, compile);
	return names ? define_names(*ret) : 0;
}

static void destroy_compilerp(YR_COMPILER **compiler)
{
	if (*compiler)
		yr_compiler_destroy(*compiler);
}

/* How many errors; -errno. */
static int add_file(struct compile *compile, YR_COMPILER *compiler, struct file *file)
{
	compile->file = file;
	compile->n_errors = 0;
	compile->include_problem[0] = '\0';
	FILE *stream = fmemopen(file->bytes, file->size, "r");
	if (!stream)
		return -errno;
	int errors = yr_compiler_add_file(compiler, stream, file->path, file->path);
	fclose(stream);
	return errors;
}

/* One file alone. How many errors; -errno. */
static int probe(struct compile *compile, struct file *file, bool names)
{
	_cleanup_(destroy_compilerp) YR_COMPILER *compiler = NULL;
	compile->tell = names;
	int r = new_compiler(compile, names, &compiler);
	return r < 0 ? r : add_file(compile, compiler, file);
}

/* 0: good, 1: broken, told. */
static int look_at(struct compile *compile, struct file *file)
{
	char first[sizeof(file->first_named)];
	compile->count = true;
	int r = probe(compile, file, false);
	compile->count = false;
	if (r == 0)
		return 0;
	snprintf(first, sizeof(first), "%s", file->first_named);
	r = r < 0 ? r : probe(compile, file, true);
	file->uses_names = true;
	snprintf(file->first_named, sizeof(file->first_named), "%s", first);
	return r > 0 ? 1 : r;
}

static bool is_tolerated(const struct compile *compile, const char *path)
{
	const struct ruleset_head *tolerated = compile->opts->tolerated;
	if (compile->opts->strict || !tolerated)
		return !compile->opts->strict;
	for (uint32_t i = 0; i < MIN(tolerated->n_broken, RULESET_BROKEN_MAX); i++)
		if (strncmp(tolerated->broken[i], path, sizeof(tolerated->broken[i]) - 1) == 0)
			return true;
	return false;
}

/* 0: it is left out; -EINVAL: everything is refused. */
static int leave_out(struct compile *compile, const char *path, char *problem)
{
	if (!is_tolerated(compile, path) || compile->head.n_broken == RULESET_BROKEN_MAX) {
		snprintf(problem, COMPILE_PROBLEM_SIZE, "%.300s is broken", path);
		return -EINVAL;
	}
	char *name = compile->head.broken[compile->head.n_broken++];
	snprintf(name, sizeof(compile->head.broken[0]), "%s", path);
	return 0;
}

/* 0: kept, or empty, or left out. */
static int take_file(struct compile *compile, const char *path, char *problem)
{
	struct file file = {0};
	if (compile->opts->progress)
		compile->opts->progress(compile->opts->data, path);
	int r = source_read(compile->directory_fd, path, &file.bytes, &file.size);
	if (r < 0) {
		tell(compile, "%s:1: %s", path, read_error(r));
		return leave_out(compile, path, problem);
	}
	if ((compile->total_bytes += file.size) > COMPILE_BYTES_MAX) {
		snprintf(problem, COMPILE_PROBLEM_SIZE, "expected at most 64 MiB of rules, there is more at %.300s",
			 path);
		r = -EINVAL;
	}
	file.path = strdup(path);
	if (r == 0)
		r = !file.path ? -ENOMEM : file.size == 0 ? 1 : look_at(compile, &file);
	if (r == 0) {
		compile->files[compile->n_files++] = file;
		return 0;
	}
	if (r > 0)
		r = file.size == 0 ? 0 : leave_out(compile, path, problem);
	free(file.path);
	free(file.bytes);
	return r;
}

/* Whether every global rule of a file that uses names stands before the first rule that does. A rule can only refer to
 * those before it, so such a global rule depends on bytes alone. */
static void find_guards(struct compile *compile, const YR_RULES *rules)
{
	const YR_RULE *rule;
	uint32_t at = UINT32_MAX;
	bool named = false; /* the first rule that looks at a name was seen */
	yr_rules_foreach(rules, rule)
	{
		uint32_t file = rule->ns->idx;
		if (file >= compile->n_files || !compile->files[file].uses_names)
			continue;
		named = (file == at && named) || strcmp(rule->identifier, compile->files[file].first_named) == 0;
		at = file;
		if (RULE_IS_GLOBAL(rule))
			compile->head.file_flags[file] |= named ? RULESET_UNGUARDED : RULESET_GUARDED;
	}
}

static int check_counts(struct compile *compile, YR_RULES *rules, char *problem)
{
	compile->head.n_rules = rules->num_rules;
	compile->head.n_strings = rules->num_strings;
	if (rules->num_rules == 0)
		snprintf(problem, COMPILE_PROBLEM_SIZE,
			 "expected at least one rule, found none; rule files are named *.yar or *.yara");
	else if (rules->num_rules > COMPILE_RULES_MAX)
		snprintf(problem, COMPILE_PROBLEM_SIZE, "expected at most %u rules, found %u", COMPILE_RULES_MAX,
			 rules->num_rules);
	else if (rules->num_strings > COMPILE_STRINGS_MAX)
		snprintf(problem, COMPILE_PROBLEM_SIZE, "expected at most %u strings, found %u", COMPILE_STRINGS_MAX,
			 rules->num_strings);
	else
		return 0;
	return -EINVAL;
}

static void name_version(struct compile *compile)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[17] = "";
	EVP_DigestFinal_ex(compile->digest, digest, NULL);
	for (size_t i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(compile->head.version, sizeof(compile->head.version), "%u rules, %s", compile->head.n_rules, hex);
}

static void destroy_rulesp(YR_RULES **rules)
{
	if (*rules)
		yr_rules_destroy(*rules);
}

static int make_set(struct compile *compile, YR_RULES **rules, struct ruleset **ret)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	name_version(compile);
	set->head = compile->head;
	set->rules = STEAL(*rules);
	*ret = set;
	return 0;
}

static int compile_together(struct compile *compile, struct ruleset **ret, char *problem)
{
	_cleanup_(destroy_compilerp) YR_COMPILER *compiler = NULL;
	_cleanup_(destroy_rulesp) YR_RULES *rules = NULL;
	EVP_DigestInit_ex(compile->digest, EVP_sha256(), NULL); /* the passes before took includes in, too */
	int r = new_compiler(compile, true, &compiler);
	for (size_t i = 0; i < compile->n_files && r == 0; i++) {
		struct file *file = &compile->files[i];
		char first[sizeof(file->first_named)];
		memcpy(first, file->first_named, sizeof(first));
		EVP_DigestUpdate(compile->digest, file->path, strlen(file->path) + 1);
		EVP_DigestUpdate(compile->digest, file->bytes, file->size);
		compile->tell = true;
		/* what was told when it was alone is not told again */
		uint32_t warnings = compile->head.n_warnings;
		compile->head.n_warnings = file->uses_names ? COMPILE_WARNINGS_TOLD : warnings;
		r = add_file(compile, compiler, file);
		if (file->uses_names)
			compile->head.n_warnings = warnings;
		memcpy(file->first_named, first, sizeof(first));
		compile->head.file_flags[i] = file->uses_names ? RULESET_NAMES : 0;
		compile->head.uses_names |= file->uses_names;
		if (r > 0) {
			snprintf(problem, COMPILE_PROBLEM_SIZE,
				 "%.300s was good alone and is not together with the others", file->path);
			return -EINVAL;
		}
	}
	if (r < 0 || yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
		return -ENOMEM;
	compile->head.n_files = (uint32_t)compile->n_files;
	find_guards(compile, rules);
	r = check_counts(compile, rules, problem);
	return r < 0 ? r : make_set(compile, &rules, ret);
}

static int compile_list(struct compile *compile, const struct source_list *list, struct ruleset **ret, char *problem)
{
	int r = 0;
	if (list->cut) {
		snprintf(problem, COMPILE_PROBLEM_SIZE, "expected at most %u files, %u folders deep, found more",
			 SOURCE_FILES_MAX, SOURCE_DEPTH_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < list->n && r == 0; i++)
		if (source_is_rules(list->paths[i]))
			r = take_file(compile, list->paths[i], problem);
	if (r == 0 && compile->opts->progress)
		compile->opts->progress(compile->opts->data, "all files together");
	return r < 0 ? r : compile_together(compile, ret, problem);
}

static int compile_init(struct compile *compile, char *problem)
{
	snprintf(problem, COMPILE_PROBLEM_SIZE, "cannot be read or compiled for want of memory or files");
	compile->files = calloc(SOURCE_FILES_MAX, sizeof(*compile->files));
	compile->digest = EVP_MD_CTX_new();
	if (!compile->files || !compile->digest || EVP_DigestInit_ex(compile->digest, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return 0;
}

static void compile_deinit(struct compile *compile)
{
	for (size_t i = 0; i < compile->n_files; i++) {
		free(compile->files[i].path);
		free(compile->files[i].bytes);
	}
	free(compile->files);
	EVP_MD_CTX_free(compile->digest);
}

int compile_directory(int directory_fd, const struct compile_opts *opts, struct ruleset **ret, char *problem)
{
	struct source_list list = {0};
	struct compile *compile = calloc(1, sizeof(*compile));
	if (!compile)
		return -ENOMEM;
	*compile = (struct compile){.opts = opts, .directory_fd = directory_fd};
	int r = compile_init(compile, problem);
	if (r == 0)
		r = source_list_read(directory_fd, &list);
	if (r == 0)
		r = compile_list(compile, &list, ret, problem);
	source_list_deinit(&list);
	compile_deinit(compile);
	free(compile);
	return r;
}

/* What a compiled file says about names; which of its rules look at them cannot be seen any more. */
static bool knows_names(const YR_RULES *rules)
{
	const YR_EXTERNAL_VARIABLE *variable = rules->ext_vars_table;
	for (; !EXTERNAL_VARIABLE_IS_NULL(variable); variable++)
		for (size_t i = 0; i < INSPECT_N_NAMES; i++)
			if (strcmp(variable->identifier, inspect_names[i]) == 0)
				return true;
	return false;
}

struct compiled {
	int fd;
	EVP_MD_CTX *digest;
};

static size_t read_compiled(void *bytes, size_t size, size_t count, void *data)
{
	struct compiled *compiled = data;
	size_t done = 0;
	while (done < size * count) {
		ssize_t n = read(compiled->fd, (char *)bytes + done, size * count - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	EVP_DigestUpdate(compiled->digest, bytes, done);
	return size ? done / size : 0;
}

static int load(struct compile *compile, int fd, struct ruleset **ret, char *problem)
{
	_cleanup_(destroy_rulesp) YR_RULES *rules = NULL;
	struct compiled compiled = {.fd = fd, .digest = compile->digest};
	YR_STREAM stream = {.user_data = &compiled, .read = read_compiled};
	int error = yr_rules_load_stream(&stream, &rules);
	if (error != ERROR_SUCCESS) {
		rules = NULL;
		snprintf(problem, COMPILE_PROBLEM_SIZE, "expected rules compiled by yarac: %s",
			 ruleset_error_text(error));
		return -EINVAL;
	}
	compile->head.n_files = MIN(rules->num_namespaces, RULESET_FILES_MAX);
	compile->head.uses_names = knows_names(rules);
	if (compile->head.uses_names)
		memset(compile->head.file_flags, RULESET_NAMES, sizeof(compile->head.file_flags));
	int r = check_counts(compile, rules, problem);
	return r < 0 ? r : make_set(compile, &rules, ret);
}

int compile_load(int fd, const struct compile_opts *opts, struct ruleset **ret, char *problem)
{
	struct stat status;
	struct compile *compile = calloc(1, sizeof(*compile));
	if (!compile)
		return -ENOMEM;
	compile->opts = opts;
	int r = compile_init(compile, problem);
	if (r == 0 && fstat(fd, &status) < 0)
		r = -errno;
	if (r == 0 &&
	    (!S_ISREG(status.st_mode) || (status.st_mode & (S_IWGRP | S_IWOTH)) || status.st_size > INT32_MAX)) {
		snprintf(problem, COMPILE_PROBLEM_SIZE,
			 "expected a regular file that only its owner may write, found mode %o: chmod go-w",
			 status.st_mode & 07777);
		r = -EINVAL;
	}
	if (r == 0)
		r = load(compile, fd, ret, problem);
	compile_deinit(compile);
	free(compile);
	return r;
}
