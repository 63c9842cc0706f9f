/* SPDX-License-Identifier: Apache-2.0 */
/* value: one scalar of the configuration → a number, a path, a name. Pure. Internal to config/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return false, and leave *ret alone, when the text is not of that form. */
bool value_bool(const char *text, bool *ret);
bool value_number(const char *text, uint64_t *ret);
/* A number with a unit: "250 ms", "60 s", "5 min", "1 h". In milliseconds. */
bool value_time_ms(const char *text, uint64_t *ret);
/* "64 KB", "256 MB", "2 GB"; 1 KB is 1,024 bytes. In KB. */
bool value_size_kb(const char *text, uint64_t *ret);

/* "50 %" or "50%". */
bool value_percent(const char *text, uint64_t *ret);

/* Absolute, without empty, "." or ".." parts or control characters; a final "/" only where it is allowed. */
bool value_path(const char *text, bool may_be_prefix);
/* The same below some folder: not absolute, no part that leads out of it. */
bool value_path_below(const char *text);
/* Whether `path` is `folder` or lies in it; both as value_path() takes them. */
bool value_path_inside(const char *path, const char *folder);
/* Something to show to people: no control characters. */
bool value_text(const char *text);
/* Lower-case letters, digits, "-" and "_", beginning with a letter or digit. */
bool value_name(const char *text);
