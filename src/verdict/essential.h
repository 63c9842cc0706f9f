/* SPDX-License-Identifier: Apache-2.0 */
/*
 * essential: the files without which a machine cannot be repaired: init, rescue shells, login, the package manager,
 * the platform itself. No agent may deny them. Pure.
 *
 * A path alone proves nothing: only a file that root owns and nobody else can write counts. The caller looks at the
 * file's owner and mode and says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct essential;

/* At most this many paths. -ENOMEM. */
int essential_new(size_t capacity, struct essential **ret);
struct essential *essential_free(struct essential *essential);

/* Adds a path (copied); a final "/" makes it a prefix. -EINVAL: not absolute; -ENOSPC; -ENOMEM. Adding it twice is
 * no error. */
int essential_add(struct essential *essential, const char *path);

/* path need not be NUL-terminated. trusted: root owns the file and nobody else may write it. */
bool essential_has(const struct essential *essential, const char *path, size_t size, bool trusted);
