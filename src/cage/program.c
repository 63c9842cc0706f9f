/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/program.h"

#include "base/fd.h"
#include "cage/elf_needs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SCRIPT_LINE_MAX 256

/* The loader's own, in Debian and elsewhere. */
static const char *const folders[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
};

static int _printf_(3, 4) wrong(struct program *program, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(program->wrong, sizeof(program->wrong), format, args);
	va_end(args);
	return error;
}

/* Takes "." and ".." out by the text alone: inside of a jail there are no links that could make a difference. */
static bool normal(const char *path, char *ret)
{
	size_t size = 0;
	if (path[0] != '/')
		return false;
	for (const char *part = path; *part;) {
		part += strspn(part, "/");
		size_t n = strcspn(part, "/");
		if (n == 2 && strncmp(part, "..", 2) == 0) {
			do
				size -= size > 0;
			while (size > 0 && ret[size] != '/');
		} else if (n > 0 && !(n == 1 && part[0] == '.')) {
			if (size + n + 2 > PROGRAM_PATH_SIZE)
				return false;
			ret[size++] = '/';
			memcpy(ret + size, part, n);
			size += n;
		}
		part += n;
	}
	ret[size] = '\0';
	return size > 0;
}

static int add(struct program *program, const char *path)
{
	char clean[PROGRAM_PATH_SIZE];
	if (!normal(path, clean))
		return wrong(program, -ENAMETOOLONG, "%s: expected an absolute path of at most %u bytes", path,
			     PROGRAM_PATH_SIZE - 1);
	for (size_t i = 0; i < program->n_files; i++)
		if (strcmp(program->files[i].path, clean) == 0)
			return 0;
	if (program->n_files == PROGRAM_FILES_MAX)
		return wrong(program, -E2BIG, "%s: expected at most %u files that a program needs, found more",
			     program->files[0].path, PROGRAM_FILES_MAX);
	strcpy(program->files[program->n_files++].path, clean);
	return 0;
}

/* "DIR[:DIR…]" of the file at `origin`: is the library in the folder of this length at `folder`? */
static bool in_folder(const char *folder, size_t size, const char *origin, const char *library, char *ret)
{
	static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
	const char *slash = strrchr(origin, '/');
	int n = -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && n < 0; i++) {
		size_t skip = strlen(words[i]);
		if (size >= skip && strncmp(folder, words[i], skip) == 0)
			n = snprintf(ret, PROGRAM_PATH_SIZE, "%.*s%.*s/%s", (int)(slash - origin), origin,
				     (int)(size - skip), folder + skip, library);
	}
	if (n < 0)
		n = snprintf(ret, PROGRAM_PATH_SIZE, "%.*s/%s", (int)size, folder, library);
	return n > 0 && (size_t)n < PROGRAM_PATH_SIZE && ret[0] == '/' && access(ret, F_OK) == 0;
}

/* The loader must be told of it. */
static int add_folder(struct program *program, const char *path)
{
	char clean[PROGRAM_PATH_SIZE];
	size_t used = strlen(program->folders);
	if (!normal(path, clean))
		return wrong(program, -ENAMETOOLONG, "%s: expected a shorter path", path);
	*strrchr(clean, '/') = '\0';
	size_t size = strlen(clean);
	for (const char *at = program->folders; (at = strstr(at, clean)); at += size)
		if ((at == program->folders || at[-1] == ':') && (at[size] == ':' || at[size] == '\0'))
			return 0;
	int n = snprintf(program->folders + used, sizeof(program->folders) - used, "%s%s", used ? ":" : "", clean);
	if (n < 0 || (size_t)n >= sizeof(program->folders) - used)
		return wrong(program, -E2BIG, "%s: expected libraries in fewer folders", path);
	return 0;
}

/* *ret_own: in a folder that the loader searches anyway. */
static bool find(const char *library, const char *origin, const char *runpath, char *ret, bool *ret_own)
{
	*ret_own = false;
	if (strchr(library, '/'))
		return library[0] == '/' && snprintf(ret, PROGRAM_PATH_SIZE, "%s", library) < (int)PROGRAM_PATH_SIZE;
	for (const char *at = runpath; at && *at; at += strspn(at, ":")) {
		size_t size = strcspn(at, ":");
		if (in_folder(at, size, origin, library, ret))
			return true;
		at += size;
	}
	*ret_own = true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (in_folder(folders[i], strlen(folders[i]), origin, library, ret))
			return true;
	return false;
}

/* The run path of an object counts for what it needs itself. */
static int add_needs(struct program *program, const char *path, const struct elf_needs *needs)
{
	char found[PROGRAM_PATH_SIZE];
	int r = needs->interpreter ? add(program, needs->interpreter) : 0;
	for (size_t i = 0; i < needs->n_needed && r >= 0; i++) {
		bool own;
		if (!find(needs->needed[i], path, needs->runpath, found, &own))
			return wrong(program, -ELIBACC,
				     "%s needs the library %s, which is neither in its run path nor in the loader's "
				     "folders; install it there, or link with -rpath",
				     path, needs->needed[i]);
		r = own ? 0 : add_folder(program, found);
		if (r >= 0)
			r = add(program, found);
	}
	return r;
}

/* "#!INTERPRETER [ARGUMENT]" */
static int add_script(struct program *program, const char *path, const char *bytes, size_t size)
{
	char line[SCRIPT_LINE_MAX + 1] = "";
	memcpy(line, bytes + 2, MIN(size - 2, SCRIPT_LINE_MAX));
	char *interpreter = line + strspn(line, " \t");
	interpreter[strcspn(interpreter, " \t\r\n")] = '\0';
	if (interpreter[0] != '/')
		return wrong(program, -ENOEXEC, "%s: expected the absolute path of an interpreter after #!", path);
	return add(program, interpreter);
}

static int read_bytes(struct program *program, const char *path, const char *bytes, size_t size, bool script_allowed)
{
	struct elf_needs needs;
	if (script_allowed && size > 2 && memcmp(bytes, "#!", 2) == 0)
		return add_script(program, path, bytes, size);
	enum elf_result result = elf_read(bytes, size, &needs);
	if (result != ELF_DONE)
		return wrong(program, -ENOEXEC,
			     "%s: expected a program or library of this machine, found a file that "
			     "is %s",
			     path, elf_result_text(result));
	return add_needs(program, path, &needs);
}

static int read_file(struct program *program, const char *path, bool script_allowed)
{
	struct stat stat;
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return wrong(program, -errno,
			     "%s: the agent's user must be able to read it, and to pass the folders "
			     "above it: %s",
			     path, strerror(errno));
	if (!S_ISREG(stat.st_mode) || stat.st_size == 0)
		return wrong(program, -ENOEXEC, "%s: expected a file with something in it", path);
	void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return wrong(program, -errno, "%s: could not be mapped: %s", path, strerror(errno));
	int r = read_bytes(program, path, bytes, (size_t)stat.st_size, script_allowed);
	munmap(bytes, (size_t)stat.st_size);
	return r;
}

/* The list grows at its end while it is read. */
int program_look_up(const char *path, struct program *ret)
{
	ret->n_files = 0;
	ret->wrong[0] = ret->folders[0] = '\0';
	int r = add(ret, path);
	for (size_t i = 0; i < ret->n_files && r >= 0; i++) {
		char name[PROGRAM_PATH_SIZE];
		strcpy(name, ret->files[i].path); /* add() may be asked about it again */
		r = read_file(ret, name, i == 0);
	}
	return r;
}
