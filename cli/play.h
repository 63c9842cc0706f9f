/* SPDX-License-Identifier: Apache-2.0 */
/*
 * play: for tests of the whole command: a platform that is played, a run of the command against it, and what must hold
 * of anything that it prints.
 */
#pragma once

#include "wire/ipc.h"

#include <stdbool.h>

#define CHUNK_SIZE 100u /* of an answer, so that every answer takes several datagrams */
#define OUTPUT_SIZE (1u << 20)

extern const char *play_program, *play_testdata; /* set by main() */
extern char play_folder[]; /* for this run's files */
extern char play_socket[64]; /* where the command looks for the platform */

struct play {
	uint32_t kind; /* what must be asked */
	uint64_t argument;
	const char *text;
	const char *answer; /* file in testdata, or JSON when it begins with { */
	int32_t error;
	bool hang_up; /* instead of an answer */
	const char *status; /* answer to the STATUS that must be asked afterwards; NULL: nothing more is */
};

struct run {
	char *out, *err;
	int code;
};

/* What main() gives to cmocka. */
int play_setup(void **state);
int play_teardown(void **state);

int play_listen(const char *path);
/* The platform's side of one connection; the result is for _exit(): 0 when the right thing was asked. */
int play_serve(int listener, const struct play *play);

/* The command to its end. args end with NULL. */
struct run run_command(const char *const *args);
/* The same while the platform is played; a request that is not the expected one fails the test. */
struct run run_played(const char *const *args, const struct play *play);
void run_free(struct run *run);

void check_harmless(const char *name, const char *out);
void check_width(const char *name, const char *out);
void check_golden(const char *name, const char *out);
