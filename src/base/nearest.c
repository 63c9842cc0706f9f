/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <string.h>

#define WORD_SIZE_MAX 64u
#define DISTANCE_LIMIT 3u /* further away is another word */

/* Least number of characters to insert, remove or change (Levenshtein); both are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_SIZE_MAX + 1], size_b = strlen(b);
	for (size_t j = 0; j <= size_b; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= size_b; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[size_b];
}

struct nearest nearest_to(const char *word)
{
	return (struct nearest){.word = word, .distance = DISTANCE_LIMIT};
}

void nearest_try(struct nearest *nearest, const char *name)
{
	const char *word = nearest->word;
	if (strlen(word) > WORD_SIZE_MAX || strlen(name) > WORD_SIZE_MAX)
		return;
	size_t d = distance(word, name);
	if (strlen(word) >= 3 && strncmp(name, word, strlen(word)) == 0)
		d = 1; /* the beginning of it */
	if (d >= nearest->distance || d >= strlen(name))
		return; /* with every character changed it is another word, too */
	nearest->distance = d;
	nearest->name = name;
}
