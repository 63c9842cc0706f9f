/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns: the question in a packet that a process sends to a name server. Pure: bytes in, question out.
 *
 * Takes the first question only (RFC 1035, 4.1.2); nobody asks more than one. A name is written as in a master file:
 * labels joined by dots, a dot or backslash within a label after a backslash, other bytes that are not printable
 * as \DDD.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE_MAX 1024u /* 255 bytes, each at most \DDD */

enum dns_result {
	DNS_OK = 0,
	DNS_SHORT, /* ends before the question does */
	DNS_NO_QUERY, /* an answer, another operation, or no question in it */
	DNS_COMPRESSED, /* a pointer or an unknown kind of label: not in a question */
	DNS_LONG, /* a name of more than 255 bytes */
};

struct dns_question {
	char name[DNS_NAME_SIZE_MAX]; /* lower case, no final dot, NUL-terminated; "" is the root */
	size_t name_size;
	uint16_t type;
	uint16_t class;
};

/* stream: the packet begins with its length, as over TCP. */
enum dns_result dns_question_parse(const uint8_t *bytes, size_t size, bool stream, struct dns_question *ret);
