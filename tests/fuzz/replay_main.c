/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_main: plays a corpus through a fuzzer's function, without libFuzzer.
 *
 *     NAME_fuzz CORPUS_DIRECTORY [MUTATIONS]
 *
 * Each file as it is, then MUTATIONS changed copies of it (bytes changed, cut, doubled), the same on every run. An
 * empty or missing corpus is a failure.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return below ? (uint32_t)(random_state >> 33) % below : 0;
}

static size_t mutate(uint8_t *data, size_t size)
{
	for (uint32_t n = 1 + draw(4); n > 0 && size > 0; n--) {
		uint32_t at = draw((uint32_t)size), length = draw((uint32_t)(size - at)) + 1;
		switch (draw(6)) {
		case 0:
			data[at] ^= (uint8_t)(1u << draw(8));
			break;
		case 1:
			data[at] = (uint8_t)draw(256);
			break;
		case 2:
			size = at;
			break;
		case 3:
			memmove(data + at, data + at + length, size - at - length);
			size -= length;
			break;
		case 4:
			if (size + length <= INPUT_MAX) {
				memmove(data + at + length, data + at, size - at);
				size += length;
			}
			break;
		case 5:
			memset(data + at, draw(2) ? 0 : 0xff, length < 8 ? length : 8);
			break;
		}
	}
	return size;
}

static size_t read_input(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "re");
	if (!file)
		fuzz_fail(path, 0, "a file that can be read");
	size_t size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	return size;
}

static void play(const char *path, unsigned long mutations)
{
	static uint8_t original[INPUT_MAX], changed[INPUT_MAX];
	size_t size = read_input(path, original);
	LLVMFuzzerTestOneInput(original, size);
	for (unsigned long i = 0; i < mutations; i++) {
		random_state = i + size * 1000003;
		memcpy(changed, original, size);
		LLVMFuzzerTestOneInput(changed, mutate(changed, size));
	}
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	int n = argc > 1 ? scandir(argv[1], &entries, NULL, alphasort) : -1, played = 0;
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			play(path, mutations);
			played++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (played == 0) {
		fprintf(stderr, "expected a folder with a corpus, found none in '%s'\n", argc > 1 ? argv[1] : "");
		return 1;
	}
	printf("%d inputs, %lu mutations of each\n", played, mutations);
	return 0;
}
