/* SPDX-License-Identifier: Apache-2.0 */
/* options: a command line by the tables of commands and options; help made from the same tables. */
#pragma once

#include "cli.h"

/* Fills cli from the arguments (borrowed, reordered). 0, or CLI_USAGE with a complaint. A line without a command is
 * not an error here: cli->command is NULL. */
int options_parse(struct cli *cli, int argc, char **argv);

/* The command of this name, or NULL. */
const struct cli_command *options_find_command(const char *name);
/* The nearest name of a command, or NULL when none is near. */
const char *options_nearest_command(const char *name);

void options_help(const struct output *output);
/* As JSON; command: NULL for all of them. */
void options_help_json(const struct output *output, const struct cli_command *command);
void options_help_command(const struct output *output, const struct cli_command *command);
