/* SPDX-License-Identifier: Apache-2.0 */
/* An event from outside: event_check() decides; JSON and accessors are safe with any event of which the size is true.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/event_build.h"
#include "wire/event_json.h"

#include <string.h>

static char text[EVENT_JSON_SIZE_MAX];

/* One line of printable text, braces balanced, or no room. */
static void check_json(const struct rs_event *event)
{
	ssize_t size = event_json(event, text, sizeof(text));
	if (size < 0)
		return;
	FUZZ_EXPECT(text[0] == '{' && text[size - 1] == '}' && text[size] == '\0');
	for (ssize_t i = 0; i < size; i++)
		FUZZ_EXPECT((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > RS_EVENT_SIZE_MAX)
		return 0;
	struct rs_event *event = malloc(size + 1);
	if (!event)
		return 0;
	memcpy(event, data, size);
	if (event_check(event, size) == NULL) {
		FUZZ_EXPECT(event->size == size && catalogue_find(event->type));
		check_json(event);
		FUZZ_EXPECT(event_json(event, text, sizeof(text)) > 0 || size > 4096);
	}
	if (size >= sizeof(*event)) {
		event->size = (uint32_t)size;
		check_json(event);
	}
	free(event);
	return 0;
}
