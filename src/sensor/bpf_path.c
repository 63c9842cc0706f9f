/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_path.h"

#include "base/macro.h"

#include <string.h>

/* The names of a walk stand from the last to the first: write them from the end of the walk to its beginning. */
static size_t write_walk(const char *walk, size_t size, char *to)
{
	size_t n = 0;
	while (size > 0) {
		size_t end = size - (walk[size - 1] == '\0'), begin = end;
		while (begin > 0 && walk[begin - 1] != '\0')
			begin--;
		to[n++] = '/';
		memcpy(to + n, walk + begin, end - begin);
		n += end - begin;
		size = begin;
	}
	return n;
}

/* Adds the names of a text; ".." takes the last one off. One that begins at the root, which may be a process's own,
 * does not climb above it. */
static size_t write_text(const char *text, size_t size, char *to, size_t n)
{
	size_t floor = size > 0 && text[0] == '/' ? n : 0;
	for (size_t i = 0; i < size;) {
		const char *slash = memchr(text + i, '/', size - i);
		size_t name = slash ? (size_t)(slash - (text + i)) : size - i;
		if (name == 2 && text[i] == '.' && text[i + 1] == '.') {
			do
				n -= n > floor;
			while (n > floor && to[n] != '/');
		} else if (name > 0 && !(name == 1 && text[i] == '.')) {
			to[n++] = '/';
			memcpy(to + n, text + i, name);
			n += name;
		}
		i += name + 1;
	}
	return n;
}

size_t bpf_path_join(const struct record_file *file, const char *text, const char *walk, char *to, bool *ret_lexical)
{
	size_t text_size = MIN(file->text_size, RECORD_PATH_MAX);
	/* the kernel's walk may end in the middle of the name that made it too long */
	size_t walk_size = MIN(file->walk_size, RECORD_PATH_MAX + 8u);
	*ret_lexical = text_size > 0;
	size_t n = write_walk(walk, walk_size, to);
	n = write_text(text, text_size, to, n);
	if (n == 0 && (text_size > 0 || file->ino != 0))
		to[n++] = '/';
	to[n] = '\0';
	return n;
}
