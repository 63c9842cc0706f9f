/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/queue_looks.h"

#include "base/macro.h"

void queue_looks_note(struct queue_looks *looks, uint64_t last, uint64_t now_ns, uint64_t apart_ns)
{
	uint64_t next = atomic_load(&looks->next) % QUEUE_LOOKS;
	const struct queue_look *newest = &looks->looks[(next + QUEUE_LOOKS - 1) % QUEUE_LOOKS];
	if (last <= atomic_load(&looks->last))
		return;
	if (atomic_load(&newest->last) != 0 &&
	    now_ns - atomic_load(&newest->at_ns) < MAX(apart_ns, QUEUE_LOOKS_APART_NS))
		return;
	struct queue_look *look = &looks->looks[next];
	atomic_store(&look->last, 0);
	atomic_store(&look->at_ns, now_ns);
	atomic_store(&look->last, last);
	atomic_store(&looks->next, (next + 1) % QUEUE_LOOKS);
	atomic_store(&looks->last, last);
}

uint64_t queue_looks_since(const struct queue_looks *looks, uint64_t place)
{
	uint64_t since_ns = 0;
	if (place > atomic_load(&looks->last))
		return 0;
	for (uint32_t i = 0; i < QUEUE_LOOKS; i++) {
		const struct queue_look *look = &looks->looks[i];
		uint64_t last = atomic_load(&look->last);
		uint64_t at_ns = atomic_load(&look->at_ns);
		if (last < place || atomic_load(&look->last) != last)
			continue;
		if (since_ns == 0 || at_ns < since_ns)
			since_ns = at_ns;
	}
	return since_ns;
}

void queue_looks_forget(struct queue_looks *looks)
{
	atomic_store(&looks->last, 0);
	for (uint32_t i = 0; i < QUEUE_LOOKS; i++)
		atomic_store(&looks->looks[i].last, 0);
}
