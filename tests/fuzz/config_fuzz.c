/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration of any bytes: either the settings are complete and pass the parent's own check, or there are errors
 * to read and the settings are as they were.
 */
#include "config/config.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

#define UNTOUCHED 0x5a

static struct settings settings;
static struct document_errors errors;

static void expect_errors(void)
{
	EXPECT(errors.count > 0);
	EXPECT(errors.size > 0 && errors.size < sizeof(errors.text));
	EXPECT(strlen(errors.text) == errors.size && errors.text[errors.size - 1] == '\n');
	EXPECT(strncmp(errors.text, "fuzz:", 5) == 0);
	/* every byte is like its neighbour, and the first is as it was */
	const unsigned char *bytes = (const unsigned char *)&settings;
	EXPECT(bytes[0] == UNTOUCHED && memcmp(bytes, bytes + 1, sizeof(settings) - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char groups[] = "root:x:0:\nadm:x:4:syslog\n";
	struct config_source source = {.file = {.name = "fuzz", .bytes = data, .size = size},
				       .groups = groups,
				       .groups_size = sizeof(groups) - 1};
	memset(&settings, UNTOUCHED, sizeof(settings));
	int r = config_parse(&source, &settings, &errors);
	if (r == 0)
		EXPECT(!settings_check(&settings));
	else
		EXPECT(r == DOCUMENT_WRONG);
	if (r != 0)
		expect_errors();
	return 0;
}
