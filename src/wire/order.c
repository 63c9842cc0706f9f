/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/order.h"

#include <stdio.h>
#include <string.h>

/* The bytes up to `end`, which must be some and fit. */
static bool take(const char *text, size_t length, char *to, size_t size)
{
	if (length == 0 || length >= size)
		return false;
	memcpy(to, text, length);
	to[length] = '\0';
	return true;
}

/* It goes into logs and events, where one line must stay one line. */
static void make_harmless(char *reason)
{
	for (unsigned char *p = (unsigned char *)reason; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

const char *order_parse(const char *text, struct order *ret_order)
{
	struct order order = {0};
	size_t verb = strcspn(text, " \n"), name;
	if (text[verb] != ' ' || !take(text, verb, order.verb, sizeof(order.verb)))
		return "expected a verb, a space and the name of an agent";
	text += verb + 1;
	name = strcspn(text, "\n");
	if (!take(text, name, order.name, sizeof(order.name)))
		return "expected the name of an agent, of at most 63 bytes, after the verb";
	text += name;
	if (*text && text[1] && !take(text + 1, strlen(text + 1), order.reason, sizeof(order.reason)))
		return "expected a reason of at most 127 bytes";
	make_harmless(order.reason);
	*ret_order = order;
	return NULL;
}

char *order_words(const struct order *order, const char *verb, char words[ORDER_WORDS_SIZE])
{
	snprintf(words, ORDER_WORDS_SIZE, "%s%sby the operator%s%s", verb, verb[0] ? " " : "",
		 order->reason[0] ? ": " : "", order->reason);
	return words;
}
