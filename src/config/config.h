/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: ringside.yaml and the manifests it names → struct settings. Pure: bytes in, settings or errors out.
 *
 *     bytes ─▶ yaml/document ─▶ schema.c, agent.c (tables) ─▶ contradictions ─▶ struct settings
 *                                     │ manifest: PATH              ▲
 *                                     └─▶ package/manifest ─▶ policy.c: what the entry says can only narrow it
 *
 * Runs in the short-lived unprivileged ringside-config (main.c), and in tests and fuzzers.
 */
#pragma once

#include "wire/settings.h"
#include "yaml/document.h"

#define CONFIG_SIZE_MAX (1u << 20)

/*
 * The bytes of a manifest, borrowed until the next call. NULL, or why there are none: a sentence "expected …, found …;
 * what to do", borrowed until the next call.
 */
typedef const char *config_manifest_fn(void *data, const char *path, struct document_source *ret);

struct config_source {
	struct document_source file;
	const char *groups; /* text of /etc/group, to find the admin group's number in; NULL: not at hand */
	size_t groups_size;
	const char *platform; /* the version of Ringside that manifests are to fit; NULL: this one */
	config_manifest_fn *manifest; /* NULL: none can be read */
	void *manifest_data;
};

/* 0 and *ret, or DOCUMENT_WRONG and *ret_errors, or -ENOMEM. *ret is complete: what the file leaves out is default. */
int config_parse(const struct config_source *source, struct settings *ret, struct document_errors *ret_errors);

/* What holds without a file. */
void config_defaults(struct settings *ret);
