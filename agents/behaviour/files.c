/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/files.h"

#include "common/common.h"

#include <errno.h>

#define WAYS 4u /* places a file may have, next to each other */
#define OLD_NS (UINT64_C(120) * 1000000000) /* what no rule asks for any more is no loss */

int files_init(struct files *files, uint32_t n)
{
	*files = (struct files){.n = WAYS};
	while (files->n < n)
		files->n *= 2;
	files->entries = calloc(files->n, sizeof(*files->entries));
	return files->entries ? 0 : -ENOMEM;
}

void files_deinit(struct files *files)
{
	free(files->entries);
	files->entries = NULL;
}

uint64_t files_hash(const char *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash | 1;
}

static bool same(const struct recent_file *file, struct rs_file_id id, uint64_t path_hash)
{
	return id.ino != 0 ? file->id.ino == id.ino && file->id.dev == id.dev
			   : file->id.ino == 0 && file->path_hash == path_hash;
}

static struct recent_file *places(const struct files *files, struct rs_file_id id, uint64_t path_hash)
{
	uint64_t key = id.ino != 0 ? id.ino * UINT64_C(0x9e3779b97f4a7c15) ^ id.dev : path_hash;
	key ^= key >> 32;
	return &files->entries[(key * UINT64_C(0xbf58476d1ce4e5b9) >> 33) & (files->n - WAYS)];
}

struct recent_file *files_find(const struct files *files, struct rs_file_id id, uint64_t path_hash)
{
	struct recent_file *file = places(files, id, path_hash);
	for (uint32_t i = 0; i < WAYS; i++)
		if (file[i].path_hash != 0 && same(&file[i], id, path_hash))
			return &file[i];
	return NULL;
}

static uint64_t last_ns(const struct recent_file *file)
{
	return MAX(file->written_ns, file->created_ns);
}

struct recent_file *files_take(struct files *files, struct rs_file_id id, uint64_t path_hash, uint64_t now_ns)
{
	struct recent_file *file = files_find(files, id, path_hash), *place = places(files, id, path_hash);
	if (file)
		return file;
	file = place;
	for (uint32_t i = 1; i < WAYS; i++)
		if (last_ns(&place[i]) < last_ns(file))
			file = &place[i];
	files->overwritten += file->path_hash != 0 && now_ns - last_ns(file) < OLD_NS;
	*file = (struct recent_file){.id = id, .path_hash = path_hash};
	return file;
}

struct recent_file *files_find_written(const struct files *files, uint64_t path_hash, uint64_t since_ns)
{
	for (uint32_t i = 0; files->written_ns >= since_ns && files->written_ns != 0 && i < files->n; i++)
		if (files->entries[i].path_hash == path_hash && files->entries[i].written_ns >= since_ns)
			return files->entries[i].written_ns != 0 ? &files->entries[i] : NULL;
	return NULL;
}
