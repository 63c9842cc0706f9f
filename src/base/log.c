/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_name = "ringside";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_max = level;
}

/* Copies text to line with everything that could forge a line or drive a terminal made visible. */
static size_t escape(const char *text, char *line, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	for (; *text && n + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f) {
			line[n++] = '\\';
			line[n++] = 'x';
			line[n++] = digits[c >> 4];
			line[n++] = digits[c & 15];
		} else {
			line[n++] = (char)c;
		}
	}
	return n;
}

void log_line(enum log_level level, const char *format, ...)
{
	if (level > log_max)
		return;
	int saved_errno = errno;
	char text[2048], line[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	int head = isatty(STDERR_FILENO) ? snprintf(line, sizeof(line), "%s: ", log_name)
					 : snprintf(line, sizeof(line), "<%d>%s: ", (int)level, log_name);
	size_t size = (size_t)head;
	size += escape(text, line + size, sizeof(line) - size - 1);
	line[size++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, size);
	(void)written; /* nowhere to report that a report was lost */
	errno = saved_errno;
}
