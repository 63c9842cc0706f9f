/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/mass.h"

#include "behaviour/files.h"
#include "common/common.h"

#include <errno.h>
#include <string.h>

#define EXTENSION_MAX 12u

int masses_init(struct masses *masses, uint32_t n)
{
	*masses = (struct masses){.n = n, .entries = calloc(n, sizeof(struct mass))};
	return masses->entries ? 0 : -ENOMEM;
}

void masses_deinit(struct masses *masses)
{
	free(masses->entries);
	masses->entries = NULL;
}

struct mass *masses_take(struct masses *masses, uint64_t process_id, uint64_t now_ns)
{
	struct mass *mass = &masses->entries[0];
	for (uint32_t i = 0; i < masses->n; i++) {
		struct mass *at = &masses->entries[i];
		if (at->process_id == process_id) {
			if (now_ns - at->began_ns > MASS_WINDOW_NS)
				*at = (struct mass){.process_id = process_id, .began_ns = now_ns};
			at->last_ns = now_ns;
			return at;
		}
		if (at->last_ns < mass->last_ns)
			mass = at;
	}
	masses->evicted += mass->process_id != 0 && now_ns - mass->began_ns <= MASS_WINDOW_NS;
	*mass = (struct mass){.process_id = process_id, .began_ns = now_ns, .last_ns = now_ns};
	return mass;
}

static void add_distinct(uint32_t *values, uint8_t *n, uint32_t value)
{
	for (uint8_t i = 0; i < *n; i++)
		if (values[i] == value)
			return;
	if (*n < MASS_DISTINCT)
		values[(*n)++] = value;
}

bool mass_add(struct mass_count *count, const struct mass_limits *limits, const char *path, size_t size)
{
	uint64_t hash = files_hash(path, size) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
	uint64_t *word = &count->bits[hash % MASS_BITS / 64], bit = UINT64_C(1) << hash % 64;
	const char *slash = memrchr(path, '/', size);
	const char *name = slash ? slash + 1 : path;
	size_t name_size = size - (size_t)(name - path);
	const char *dot = name_size > 1 ? memrchr(name + 1, '.', name_size - 1) : NULL;
	if (*word & bit)
		return false;
	*word |= bit;
	count->files++;
	add_distinct(count->folders, &count->n_folders, (uint32_t)files_hash(path, (size_t)(name - path)));
	if (dot && (size_t)(name + name_size - dot) <= EXTENSION_MAX)
		add_distinct(count->extensions, &count->n_extensions,
			     (uint32_t)files_hash(dot, (size_t)(name + name_size - dot)));
	return count->files >= limits->files && count->n_folders >= limits->folders &&
	       count->n_extensions >= limits->extensions;
}

const char *mass_suffix(const char *from, size_t from_size, const char *to, size_t to_size, size_t *ret_size)
{
	const char *from_slash = memrchr(from, '/', from_size), *to_slash = memrchr(to, '/', to_size);
	const char *from_name = from_slash ? from_slash + 1 : from, *to_name = to_slash ? to_slash + 1 : to;
	size_t from_left = from_size - (size_t)(from_name - from), to_left = to_size - (size_t)(to_name - to);
	if (from_left == 0 || to_left < from_left + 2 || memcmp(from_name, to_name, from_left) != 0 ||
	    to_name[from_left] != '.')
		return NULL;
	*ret_size = to_left - from_left;
	return to_name + from_left;
}
