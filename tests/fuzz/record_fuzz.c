/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the programs in the kernel, of any bytes: what is made of it is a well-formed event, or nothing. The
 * input is what follows the size: type, flags and all the rest.
 */
#include "sensor/bpf_event.h"
#include "sensor/process_table_internal.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bpf_event_maker maker;
	static _Alignas(8) uint8_t record[32768];
	struct rs_event *event;
	/* a small table, and a /proc in which there is nobody */
	if (!maker.processes) {
		FUZZ_EXPECT(process_table_new_at(open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1, 8,
						 &maker.processes) == 0);
		process_table_set_live(maker.processes, true);
	}
	if (size > sizeof(record) - sizeof(uint32_t))
		return 0;
	uint32_t whole = (uint32_t)(size + sizeof(whole));
	memcpy(record, &whole, sizeof(whole));
	memcpy(record + sizeof(whole), data, size);
	if (bpf_event_make(&maker, record, whole, &event) == BPF_EVENT_OK)
		FUZZ_EXPECT(!event_check(event, event->size));
	return 0;
}
