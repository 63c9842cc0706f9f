/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest: what the vendor of an agent says of it: who it is, what it runs, what it asks for. Pure.
 *
 *     bytes ─▶ yaml/document ─▶ the table in manifest.c ─▶ contradictions ─▶ struct manifest
 *
 * A manifest only asks. What an agent gets is the operator's (config/policy.h), who can grant less and never more.
 * Whoever reads a manifest has no privilege: it comes from outside.
 */
#pragma once

#include "wire/settings.h"
#include "yaml/document.h"
#include "yaml/walk.h"

#define MANIFEST_SIZE_MAX (64u << 10)
#define MANIFEST_CHANNELS_MAX 16u
#define MANIFEST_TEXT_SIZE 128u
#define MANIFEST_CONTRACT 1u /* the newest contract that this version of Ringside knows */

/* One kind of content that the vendor delivers besides the program: rules, lists, models. */
struct manifest_channel {
	char name[SESSION_NAME_SIZE];
	char schema[SESSION_NAME_SIZE]; /* "NAME/VERSION": what validates it */
	uint32_t size_max_kb;
};

struct manifest_version {
	uint32_t parts[3];
};

struct manifest {
	/* What it asks for, in the form in which it is granted. path is empty: program is below the manifest's folder.
	 * deny_on_miss is empty: only the operator chooses that. */
	struct settings_agent agent;
	char program[SETTINGS_PATH_SIZE];
	char vendor[MANIFEST_TEXT_SIZE];
	char summary[MANIFEST_TEXT_SIZE];
	uint32_t contract;
	uint32_t operator_args; /* the operator may add arguments */
	struct session_event_set wishes_deny; /* on a missed deadline, if it could choose */
	struct manifest_version platform_from; /* 0.0.0: any */
	struct manifest_version platform_below; /* 0.0.0: any */
	uint32_t n_channels;
	struct manifest_channel channels[MANIFEST_CHANNELS_MAX];
	struct walk_lines lines; /* where what was said, for messages */
};

/*
 * platform: the version of Ringside it is to run on, "0.1.0". 0 and *ret, or DOCUMENT_WRONG and more errors, or
 * -ENOMEM; *ret is untouched then.
 */
int manifest_read(const struct document_source *source, const char *platform, struct manifest *ret,
		  struct document_errors *errors);

/* Up to three numbers with dots between them. */
bool manifest_version_read(const char *text, struct manifest_version *ret);

/* The program of a manifest that lies at this absolute path. False: it does not fit. */
bool manifest_program(const struct manifest *manifest, const char *path, char ret[static SETTINGS_PATH_SIZE]);
