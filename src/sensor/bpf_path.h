/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_path: puts the pieces of a path in order. Pure.
 *
 *     walk: "c\0b\0a\0", text: ""       ─▶ /a/b/c          resolved by the kernel
 *     walk: "b\0a\0",    text: "../c"   ─▶ /a/c            joined here: RS_FILE_PATH_LEXICAL
 *
 * A joined path is what the process meant if no symbolic link lies in the text; "." and ".." are taken out.
 */
#pragma once

#include "bpf/record.h"

#include <stdbool.h>
#include <stddef.h>

#define BPF_PATH_SIZE_MAX (2 * RECORD_PATH_MAX + 16)

/* Writes the path, NUL-terminated, to `to`, which has room for BPF_PATH_SIZE_MAX. Returns its size: 0 when there is no
 * file at all (a file part with nothing in it). *ret_lexical: text was joined to the walk. */
size_t bpf_path_join(const struct record_file *file, const char *text, const char *walk, char *to, bool *ret_lexical);
