/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: ringside.yaml → struct settings. Pure: bytes in, settings or errors out.
 *
 *     bytes ─▶ form (size, UTF-8, tabs; no aliases, anchors, tags) ─▶ nodes ─▶ schema.c (a table) ─▶ contradictions
 *
 * Runs in the short-lived unprivileged ringside-config (daemon/config_main.c), and in tests and fuzzers. Walks
 * libyaml's nodes itself: libcyaml's errors name a line, but neither what was expected nor what to do.
 */
#pragma once

#include "wire/settings.h"

#define CONFIG_SIZE_MAX (1u << 20)
#define CONFIG_ERRORS_MAX 20u
#define CONFIG_ERRORS_SIZE 16384u

/* A positive result: the file is wrong and the errors say how. */
#define CONFIG_WRONG 1

struct config_source {
	const char *name; /* how errors call the file */
	const void *bytes;
	size_t size;
	const char *groups; /* text of /etc/group, to find the admin group's number in; NULL: not at hand */
	size_t groups_size;
};

/* Lines "FILE:LINE: FIELD: expected …, found …; what to do", each ended by a newline. */
struct config_errors {
	unsigned count; /* may be more than there are lines */
	size_t size;
	char text[CONFIG_ERRORS_SIZE];
};

/* 0 and *ret, or CONFIG_WRONG and *ret_errors, or -ENOMEM. *ret is complete: what the file leaves out is default. */
int config_parse(const struct config_source *source, struct settings *ret, struct config_errors *ret_errors);

/* What holds without a file. */
void config_defaults(struct settings *ret);
