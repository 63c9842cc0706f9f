/* SPDX-License-Identifier: Apache-2.0 */
/* system_calls: how a list of system calls is written and loaded. Internal to ipc/; see drop.h for what it is used for.
 */
#pragma once

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_CONDITIONS_MAX 3

struct seccomp_row {
	int call;
	unsigned n_conditions; /* all of them must hold */
	struct scmp_arg_cmp conditions[SECCOMP_CONDITIONS_MAX];
};

struct seccomp_list {
	uint32_t action;
	const struct seccomp_row *rows;
	size_t n_rows;
};

#define ANY(name) \
	{ \
		SCMP_SYS(name), 0, \
		{{0}} \
	}
#define WHERE(name, argument, ...) \
	{ \
		SCMP_SYS(name), 1, \
		{ \
			{ \
				argument, __VA_ARGS__ \
			} \
		} \
	}
/* The bits of `mask` in this argument must be exactly `value`. */
#define BITS(name, argument, mask, value) WHERE(name, argument, SCMP_CMP_MASKED_EQ, (mask), (value))
#define EQUAL(name, argument, value) WHERE(name, argument, SCMP_CMP_EQ, (value))

/* Loads a filter: `others` for calls without a row. Needs no_new_privs or CAP_SYS_ADMIN. -errno. */
int seccomp_install(uint32_t others, const struct seccomp_list *lists, size_t n_lists);
