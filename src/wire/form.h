/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: what the checks of datagrams share: one row for each type, and what is alike for all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FORM_ERRNO_MAX 4095 /* largest errno value that Linux uses */

/* How every datagram begins: struct session_head and struct ipc_head under one name. */
struct form_head {
	uint32_t size; /* of the datagram */
	uint16_t type;
	uint16_t reserved;
	uint64_t number;
};

struct form {
	uint32_t size; /* of the struct; 0: no such type in this direction */
	uint32_t size_max; /* when more may follow, else 0 */
	const char *(*check)(const void *bytes); /* its fields, size is right already; may be NULL */
};

/* Terminated, so that it can be read as a string. */
static inline bool form_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Nothing but zeros. */
static inline bool form_zero(const void *bytes, size_t size)
{
	const char *p = bytes;
	return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

/* Terminated, and nothing hidden behind the end. */
static inline bool form_padded(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	return length < size && form_zero(text + length, size - length);
}

/* An errno value as replies carry it: 0 or negative. */
static inline bool form_errno(int32_t error)
{
	return error <= 0 && error >= -FORM_ERRNO_MAX;
}

/* Does what is alike for all types, then the row of this one; rows are indexed by type. */
static inline const char *form_check(const struct form *forms, size_t n_forms, const void *bytes, size_t size)
{
	const struct form_head *head = bytes;
	if (size < sizeof(*head))
		return "expected a head of 16 bytes, found less";
	if (head->size != size)
		return "expected the size in the head to be that of the datagram, found another";
	if (head->reserved != 0)
		return "expected 0 in the reserved field of the head, found another value";
	const struct form *form = head->type < n_forms ? &forms[head->type] : NULL;
	if (!form || form->size == 0)
		return "expected a type that this side may send, found another number";
	if (size < form->size || size > (form->size_max ? form->size_max : form->size))
		return "expected the size that contract 1 gives this type, found another";
	return form->check ? form->check(bytes) : NULL;
}
