/* SPDX-License-Identifier: Apache-2.0 */
/* cli_run: what the tests of the whole command share: running it, its output, and what that must be, byte for byte. */
#pragma once

#include <sys/types.h>

#define CLI_RUN_OUTPUT_SIZE (1u << 20)

struct run {
	char *out, *err;
	int code;
};

extern const char *cli_run_program, *cli_run_testdata;
extern char cli_run_folder[]; /* of this test, empty at its end */
extern char cli_run_socket[64]; /* where the command looks for the platform */

/* What the tests are given: RINGSIDE TESTDATA. Exit code 2 when it is something else. */
void cli_run_arguments(int argc, char **argv);
/* Of the group of tests. */
int cli_run_setup(void **state);
int cli_run_teardown(void **state);

int listen_at(const char *path);
/* args: ended by NULL. */
struct run run_command(const char *const *args);
void run_free(struct run *run);
/* Nothing that a terminal obeys. */
void check_harmless(const char *name, const char *out);
/* As in TESTDATA/name; with RINGSIDE_TEST_UPDATE=1 that is written anew. */
void check_golden(const char *name, const char *out);
