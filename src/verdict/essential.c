/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/essential.h"

#include "base/macro.h"

#include <errno.h>
#include <string.h>

struct essential {
	size_t n;
	size_t capacity;
	struct essential_path {
		char *path;
		size_t size;
	} paths[];
};

int essential_new(size_t capacity, struct essential **ret)
{
	struct essential *essential = calloc(1, sizeof(*essential) + capacity * sizeof(essential->paths[0]));
	if (!essential)
		return -ENOMEM;
	essential->capacity = capacity;
	*ret = essential;
	return 0;
}

struct essential *essential_free(struct essential *essential)
{
	if (!essential)
		return NULL;
	for (size_t i = 0; i < essential->n; i++)
		free(essential->paths[i].path);
	free(essential);
	return NULL;
}

int essential_add(struct essential *essential, const char *path)
{
	size_t size = strlen(path);
	if (path[0] != '/')
		return -EINVAL;
	for (size_t i = 0; i < essential->n; i++)
		if (strcmp(essential->paths[i].path, path) == 0)
			return 0;
	if (essential->n == essential->capacity)
		return -ENOSPC;
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	essential->paths[essential->n++] = (struct essential_path){.path = copy, .size = size};
	return 0;
}

static bool matches(const struct essential_path *entry, const char *path, size_t size)
{
	bool prefix = entry->path[entry->size - 1] == '/';
	if (prefix ? size < entry->size : size != entry->size)
		return false;
	return memcmp(entry->path, path, entry->size) == 0;
}

bool essential_has(const struct essential *essential, const char *path, size_t size, bool trusted)
{
	if (!trusted)
		return false;
	for (size_t i = 0; i < essential->n; i++)
		if (matches(&essential->paths[i], path, size))
			return true;
	return false;
}
