/* SPDX-License-Identifier: Apache-2.0 */
/* options: the command line of ringsided. */
#pragma once

#include "wire/settings.h"

#define OPTIONS_CONFIG "/etc/ringside/ringside.yaml"

struct options {
	const char *config;
	const char *libexec_dir;
	const char *run_dir; /* NULL: as in the file */
	const char *state_dir; /* the same */
	const char *scopes[SETTINGS_SCOPES_MAX];
	uint32_t n_scopes; /* 0: as in the file */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE, /* help or version was shown */
	OPTIONS_WRONG,
};

enum options_result options_parse(int argc, char **argv, struct options *ret);

/* What the command line says in the file's place. */
void options_apply(const struct options *options, struct settings *settings);
