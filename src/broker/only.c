/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/only.h"

#include "wire/catalogue.h"

#include <string.h>

static bool is_below(const char *path, size_t size, const char *folder)
{
	size_t n = strlen(folder);
	return size >= n && memcmp(path, folder, n) == 0 && (size == n || path[n] == '/');
}

static bool has_path(const struct settings_agent *settings, const char *path, size_t size)
{
	for (uint32_t i = 0; i < settings->n_only; i++)
		if (is_below(path, size, settings->only[i]))
			return true;
	return size == 0;
}

bool only_wants(const struct settings_agent *settings, const struct rs_event *event)
{
	const struct catalogue_event *row = settings && settings->n_only > 0 ? catalogue_find(event->type) : NULL;
	bool any_file = false;
	for (uint32_t i = 0; row && i < row->n_fields; i++) {
		if (row->fields[i].kind != CATALOGUE_FILE)
			continue;
		const struct rs_file *file =
			(const struct rs_file *)(const void *)((const char *)event + event->body_offset +
							       row->fields[i].offset);
		size_t size;
		const char *path = rs_str_get(event, file->path, &size);
		if (has_path(settings, path, size))
			return true;
		any_file = true;
	}
	return !any_file;
}
