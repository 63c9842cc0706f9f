/* SPDX-License-Identifier: Apache-2.0 */
/* list: intrusive doubly linked list; an initialised link that is in no list points to itself. */
#pragma once

#include "base/macro.h"

#include <stdbool.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(list) {&(list), &(list)}
#define list_entry(link, type, member) container_of(link, type, member)
#define list_for_each(link, head) for (struct list *link = (head)->next; link != (head); link = link->next)
/* The current link may be removed inside of the loop. */
#define list_for_each_safe(link, head) \
	for (struct list *link = (head)->next, *link##_next = link->next; link != (head); \
	     link = link##_next, link##_next = link->next)

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}
