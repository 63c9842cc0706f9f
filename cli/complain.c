/* SPDX-License-Identifier: Apache-2.0 */
/* complain: what went wrong, in words on standard error; and, with --json, as the object that stands for the answer. */
#include "cli.h"
#include "view.h"

#include <stdarg.h>
#include <string.h>

static bool is_hushed;
static struct text *caught;
static struct text said; /* all that went to standard error */

void cli_catch(struct text *to)
{
	caught = to;
}

void cli_hush(bool hushed)
{
	is_hushed = hushed;
}

static void add(struct text *to, const char *words)
{
	text_add(to, to->size > 0 ? "; " : "");
	text_add(to, words);
}

void cli_complain(const char *format, ...)
{
	va_list args;
	char *words = NULL;
	if (is_hushed)
		return;
	va_start(args, format);
	int r = vasprintf(&words, format, args);
	va_end(args);
	if (r < 0)
		return;
	if (caught) {
		add(caught, words);
	} else {
		fprintf(stderr, "ringside: %s\n", words);
		add(&said, words);
	}
	free(words);
}

void cli_print_error(const struct output *output, int code)
{
	static const char *const kinds[] = {
		[CLI_NEGATIVE] = "negative", [CLI_USAGE] = "usage",       [CLI_NOT_RUNNING] = "not_running",
		[CLI_REFUSED] = "refused",   [CLI_INTERNAL] = "internal",
	};
	if (said.size == 0 && code != CLI_INTERNAL)
		return; /* the answer itself says no */
	struct json_object *json = json_object_new_object(), *error = json_object_new_object();
	json_object_object_add(error, "kind", json_object_new_string(kinds[code]));
	json_object_object_add(error, "exit", json_object_new_int(code));
	json_object_object_add(error, "message",
			       json_object_new_string(said.size > 0 ? text_get(&said) : "this command failed"));
	json_object_object_add(json, "error", error);
	const char *bytes = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
	struct text line = {0};
	text_add_json(&line, bytes, strlen(bytes));
	output_line(output, OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
	json_object_put(json);
	text_deinit(&said);
}
