/* SPDX-License-Identifier: Apache-2.0 */
/* options_values: what commands ask of the options that were given to them (cli.h). */
#include "cli.h"

#include <errno.h>
#include <string.h>

const char *cli_next_value(const struct cli *cli, const char *name, size_t *at)
{
	while (*at < cli->n_given) {
		const struct cli_given *given = &cli->given[(*at)++];
		if (strcmp(given->option->name, name) == 0)
			return given->value;
	}
	return NULL;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	const char *value, *last = NULL;
	size_t at = 0;
	while ((value = cli_next_value(cli, name, &at)))
		last = value;
	return last;
}

bool cli_number(const char *what, const char *word, uint64_t most, uint64_t *ret_number)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(word, &end, 10);
	if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && errno == 0 && number <= most) {
		*ret_number = number;
		return true;
	}
	struct text text = {0};
	text_add_escaped(&text, word, strlen(word));
	cli_complain("%s must be a whole number from 0 to %llu, and is '%s'", what, (unsigned long long)most,
		     text_get(&text));
	text_deinit(&text);
	return false;
}
