/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "base/nearest.h"
#include "view.h"

#include <string.h>

const struct cli_command *options_find_command(const char *name)
{
	for (const struct cli_command *command = cli_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

const char *options_nearest_command(const char *name)
{
	struct nearest nearest = nearest_to(name);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		nearest_try(&nearest, command->name);
	return nearest.name;
}

static const struct cli_option *find_option(const struct cli_option *options, const char *name, size_t size)
{
	for (const struct cli_option *option = options; option && option->name; option++)
		if (strlen(option->name) == size && strncmp(option->name, name, size) == 0)
			return option;
	return NULL;
}

static void complain_of(const char *what, const char *word, const char *rest)
{
	struct text text = {0};
	text_add_escaped(&text, word, strlen(word));
	cli_complain("%s '%s'%s", what, text_get(&text), rest);
	text_deinit(&text);
}

static int complain_of_command(const char *word)
{
	char rest[96];
	const char *nearest = options_nearest_command(word);
	if (nearest)
		snprintf(rest, sizeof(rest), "; did you mean '%s'?", nearest);
	else
		snprintf(rest, sizeof(rest), "; 'ringside help' lists them");
	complain_of("there is no command", word, rest);
	return CLI_USAGE;
}

static int apply_common(struct cli *cli, const struct cli_option *option, const char *value)
{
	if (strcmp(option->name, "json") == 0) {
		cli->json = true;
	} else if (strcmp(option->name, "socket") == 0) {
		cli->socket = value;
	} else if (strcmp(option->name, "help") == 0) {
		cli->help = true;
	} else {
		cli->version = true;
	}
	return 0;
}

/* `-n`: those that other programs have taught everybody's fingers. */
static const struct cli_option *find_letter(const struct cli_option *options, const char *word)
{
	for (const struct cli_option *option = options; option && option->name; option++)
		if (option->letter && word[1] == option->letter && word[2] == '\0')
			return option;
	return NULL;
}

/* `--name`, `--name value`, `--name=value` or `-n value` at argv[*at]. */
static int parse_option(struct cli *cli, int argc, char **argv, int *at)
{
	bool letter = argv[*at][1] != '-';
	const char *name = argv[*at] + 2, *equals = letter ? NULL : strchr(name, '=');
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *common = letter ? NULL : find_option(cli_options, name, size);
	const struct cli_option *option = common;
	if (!option && cli->command)
		option = letter ? find_letter(cli->command->options, argv[*at])
				: find_option(cli->command->options, name, size);
	if (!option && letter) {
		complain_of("there is no option", argv[*at], "; options are long, like --json");
		return CLI_USAGE;
	}
	if (!option) {
		complain_of("there is no option", argv[*at],
			    cli->command ? " here; 'ringside help COMMAND' lists them"
					 : "; 'ringside help' lists them");
		return CLI_USAGE;
	}
	if (!option->argument && equals) {
		complain_of("a value was given to an option that takes none:", argv[*at], "");
		return CLI_USAGE;
	}
	const char *value = equals ? equals + 1 : "";
	if (option->argument && !equals) {
		if (*at + 1 >= argc) {
			cli_complain("'--%s' wants a value: --%s %s", option->name, option->name, option->argument);
			return CLI_USAGE;
		}
		value = argv[++*at];
	}
	if (common)
		return apply_common(cli, common, value);
	if (cli->n_given == CLI_GIVEN_MAX) {
		cli_complain("at most %u options", CLI_GIVEN_MAX);
		return CLI_USAGE;
	}
	cli->given[cli->n_given++] = (struct cli_given){option, value};
	return 0;
}

static int check_words(const struct cli *cli)
{
	const struct cli_command *command = cli->command;
	if (!command || cli->help || (cli->n_words >= command->words_least && cli->n_words <= command->words_most))
		return 0;
	cli_complain("'%s' is used like this: ringside %s%s%s", command->name, command->name,
		     command->words[0] ? " " : "", command->words);
	return CLI_USAGE;
}

int options_parse(struct cli *cli, int argc, char **argv)
{
	bool only_words = false;
	int n_words = 0;
	for (int i = 1; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words && strcmp(argv[i], "-h") == 0) {
			cli->help = true;
		} else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			int r = parse_option(cli, argc, argv, &i);
			if (r != 0)
				return r;
		} else if (!cli->command) {
			cli->command = options_find_command(argv[i]);
			if (!cli->command)
				return complain_of_command(argv[i]);
		} else {
			argv[n_words++] = argv[i];
		}
	}
	cli->words = argv;
	cli->n_words = n_words;
	return check_words(cli);
}

static void list_options(const struct output *output, const struct cli_option *options)
{
	for (const struct cli_option *option = options; option && option->name; option++) {
		char label[64];
		snprintf(label, sizeof(label), "  --%s%s%s ", option->name, option->argument ? " " : "",
			 option->argument ? option->argument : "");
		output_paragraph(output, 20, label, OUTPUT_PLAIN, option->help);
	}
}

void options_help(const struct output *output)
{
	output_line(output, OUTPUT_PLAIN, "Usage: ringside COMMAND [OPTIONS]");
	output_blank(output);
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		char label[96];
		snprintf(label, sizeof(label), "  %s%s%s ", command->name, command->words[0] ? " " : "",
			 command->words);
		output_paragraph(output, 28, label, OUTPUT_PLAIN, command->summary);
	}
	output_blank(output);
	output_line(output, OUTPUT_PLAIN, "Options of every command:");
	list_options(output, cli_options);
	output_blank(output);
	output_line(output, OUTPUT_PLAIN, "'ringside help COMMAND' and ringside(1) say more.");
}

void options_help_command(const struct output *output, const struct cli_command *command)
{
	struct text line = {0};
	text_format(&line, "Usage: ringside %s%s%s [OPTIONS]", command->name, command->words[0] ? " " : "",
		    command->words);
	output_line(output, OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
	output_blank(output);
	const char *rest = command->help;
	while (*rest) {
		size_t size = strcspn(rest, "\n");
		struct text paragraph = {0};
		text_add_bytes(&paragraph, rest, size);
		output_paragraph(output, 0, "", OUTPUT_PLAIN, text_get(&paragraph));
		text_deinit(&paragraph);
		rest += size + (rest[size] == '\n');
	}
	output_blank(output);
	output_line(output, OUTPUT_PLAIN, "Options:");
	list_options(output, command->options);
	list_options(output, cli_options);
}

static struct json_object *options_json(const struct cli_option *options)
{
	struct json_object *rows = json_object_new_array();
	for (const struct cli_option *option = options; option && option->name; option++) {
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "name", json_object_new_string(option->name));
		json_object_object_add(row, "argument",
				       option->argument ? json_object_new_string(option->argument) : NULL);
		json_object_object_add(row, "help", json_object_new_string(option->help));
		json_object_array_add(rows, row);
	}
	return rows;
}

void options_help_json(const struct output *output, const struct cli_command *command)
{
	struct json_object *json = json_object_new_object(), *rows = json_object_new_array();
	for (const struct cli_command *each = cli_commands; each->name; each++) {
		if (command && each != command)
			continue;
		struct json_object *row = json_object_new_object();
		json_object_object_add(row, "name", json_object_new_string(each->name));
		json_object_object_add(row, "words", json_object_new_string(each->words));
		json_object_object_add(row, "summary", json_object_new_string(each->summary));
		json_object_object_add(row, "help", json_object_new_string(each->help));
		json_object_object_add(row, "options", options_json(each->options));
		json_object_array_add(rows, row);
	}
	json_object_object_add(json, "commands", rows);
	json_object_object_add(json, "options", options_json(cli_options));
	output_line(output, OUTPUT_PLAIN,
		    json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
}
