/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: what every command of `ringside` works with. The table of commands is in main.c.
 *
 *     main: table ─▶ options_parse ─▶ command->run ─▶ answer (client, JSON) ─▶ output
 *
 * Results go to standard output, complaints to standard error, and with --json to standard output, too.
 */
#pragma once

#include "output.h"

#include <stdint.h>

/* Exit codes; ringside(1) documents them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_NEGATIVE = 1, /* the question was answered, and the answer is no, bad, or unknown */
	CLI_USAGE = 2, /* the command line, or a configuration file that was given to check, is wrong */
	CLI_NOT_RUNNING = 3, /* the platform does not run or does not answer */
	CLI_REFUSED = 4, /* no permission */
	CLI_INTERNAL = 5, /* the platform or this command broke its own rules */
};

/* One option of a command. Help, parsing and completion come from this. */
struct cli_option {
	const char *name; /* without the dashes */
	const char *argument; /* how help calls its value; NULL: it takes none */
	const char *help;
	char letter; /* -n is --count; 0: none */
};

struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL for one without a value */
};

#define CLI_GIVEN_MAX 128u

struct cli;

struct cli_command {
	const char *name;
	const char *words; /* how help calls what follows, "" for nothing */
	int words_least, words_most;
	const char *summary; /* one line */
	const char *help; /* paragraphs, separated by "\n" */
	const struct cli_option *options; /* ends with a row whose name is NULL; may be NULL */
	int (*run)(struct cli *cli);
};

struct cli {
	const struct cli_command *command;
	const char *socket;
	bool json;
	bool help;
	bool version;
	struct cli_given given[CLI_GIVEN_MAX];
	size_t n_given;
	char **words; /* what is not an option, after the command's name */
	int n_words;
	struct output out;
};

extern const struct cli_option cli_options[]; /* those of every command */
extern const struct cli_command cli_commands[];

/* The last value of an option of this command; NULL when it was not given. For one without a value: "". */
const char *cli_value(const struct cli *cli, const char *name);
/* Its values in order: begin with *at = 0; NULL after the last. */
const char *cli_next_value(const struct cli *cli, const char *name, size_t *at);
/* A whole decimal number within 0 … most. false, with a complaint on standard error, for anything else. */
bool cli_number(const char *what, const char *word, uint64_t most, uint64_t *ret_number);

/* "ringside: …" on standard error. Arguments that others wrote are given escaped. */
void cli_complain(const char *format, ...) _printf_(1, 2);
/* Complaints are dropped: while something is tried again. */
void cli_hush(bool hushed);
/* Complaints are added to this text instead; NULL: no longer. While the screen belongs to something else. */
void cli_catch(struct text *to);
/* With --json, when the exit code is not 0: {"error":{"kind":…,"exit":…,"message":…}} with all complaints that there
 * were. Prints nothing when there were none: then what was printed already is the answer, and the answer is no. */
void cli_print_error(const struct output *output, int code);

int cmd_status(struct cli *cli);
int cmd_events(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_denials(struct cli *cli);
int cmd_actions(struct cli *cli);
int cmd_agents(struct cli *cli);
int cmd_top(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_help(struct cli *cli);
