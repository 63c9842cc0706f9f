/* SPDX-License-Identifier: Apache-2.0 */
/* options: what the operator wrote on the command line, checked. */
#pragma once

#include "yara/load.h"
#include "yara/policy.h"

struct options {
	struct load_opts load;
	struct inspect_limits limits;
	struct policy policy;
	uint64_t deadline_ms; /* 0: the operator's */
	uint64_t workers;
	bool opens;
	bool check; /* no platform: load, inspect the files that are named, say */
	int n_files;
	char **files;
};

/* 0; 1: --help was printed; -EINVAL: told. */
int options_parse(int argc, char **argv, struct options *ret);
void options_usage(void);
