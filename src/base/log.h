/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: lines for the operator, on standard error, one write(2) a line, with the systemd priority prefix
 * (sd-daemon(3)) when standard error is not a terminal.
 *
 * Must not be called between taking a question from the kernel and answering it: answer first, log after.
 */
#pragma once

#include "base/macro.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Name that begins each line, borrowed; and the highest level that is written (default: LOG_LEVEL_INFO). */
void log_init(const char *name, enum log_level level);

/* Writes one line; newlines and control characters inside are shown as \xNN. Keeps errno. */
void log_line(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
