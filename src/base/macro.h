/* SPDX-License-Identifier: Apache-2.0 */
/* macro: the few macros that everything uses. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_UP(value, to) (((value) + (to) - 1) / (to) * (to))

/* `_cleanup_(fn) T x = …;` runs fn(&x) when x leaves its scope; STEAL takes the value out before that. */
#define _cleanup_(function) __attribute__((cleanup(function), unused))
#define _printf_(text, first) __attribute__((format(printf, text, first)))
#define _unused_ __attribute__((unused))
#define STEAL(pointer) \
	({ \
		__typeof__(pointer) *p_ = &(pointer); \
		__typeof__(pointer) stolen_ = *p_; \
		*p_ = NULL; \
		stolen_; \
	})
#define STEAL_FD(fd) \
	({ \
		int *p_ = &(fd); \
		int stolen_ = *p_; \
		*p_ = -1; \
		stolen_; \
	})

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}
