/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/made_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t made_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Digest number n of a sequence that is as good as SHA-256 for this. */
void made_digest(uint64_t n, uint8_t digest[DIGEST_SIZE])
{
	for (unsigned i = 0; i < DIGEST_SIZE / 8; i++) {
		uint64_t word = made_mix(n * 4 + i + UINT64_C(0x9e3779b97f4a7c15));
		memcpy(digest + 8 * (size_t)i, &word, sizeof(word));
	}
}

int made_list_write(const char *path, uint64_t n, uint64_t first)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : list_builder_new(LIST_ENTRIES_MAX, &builder);
	for (uint64_t i = 0; i < n && r >= 0; i++) {
		uint8_t digest[DIGEST_SIZE];
		made_digest(first + i, digest);
		r = list_builder_add(builder, digest, 1, "bench", 5, (uint32_t)i, &problems);
	}
	return r < 0 ? r : list_build_write(builder, fd, "bench", &problems);
}

unsigned long made_status_kib(const char *field)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}
