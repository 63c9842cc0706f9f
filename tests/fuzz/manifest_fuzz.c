/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest of any bytes: either it is complete, and an agent made of it passes the parent's own check, or there are
 * errors to read and the manifest is as it was.
 */
#include "package/manifest.h"
#include "tests/fuzz/fuzz.h"
#include "yaml/value.h"

#include <string.h>

#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

#define UNTOUCHED 0x5a

static struct manifest manifest;
static struct document_errors errors;
static struct settings settings;

static void expect_errors(void)
{
	EXPECT(errors.count > 0);
	EXPECT(errors.size > 0 && errors.size < sizeof(errors.text));
	EXPECT(strlen(errors.text) == errors.size && errors.text[errors.size - 1] == '\n');
	EXPECT(strncmp(errors.text, "fuzz:", 5) == 0);
	/* nothing in them drives a terminal */
	for (size_t i = 0; i < errors.size; i++)
		EXPECT((unsigned char)errors.text[i] >= 0x20 || errors.text[i] == '\n');
	const unsigned char *bytes = (const unsigned char *)&manifest;
	EXPECT(bytes[0] == UNTOUCHED && memcmp(bytes, bytes + 1, sizeof(manifest) - 1) == 0);
}

static void expect_manifest(void)
{
	const struct settings_agent *agent = &manifest.agent;
	char path[SETTINGS_PATH_SIZE];
	EXPECT(errors.count == 0);
	EXPECT(manifest.vendor[0] && value_text(manifest.vendor) && value_text(manifest.summary));
	EXPECT(value_path_below(manifest.program) && value_name(agent->name));
	EXPECT(manifest.contract == MANIFEST_CONTRACT);
	EXPECT(manifest.n_channels <= MANIFEST_CHANNELS_MAX && manifest.lines.n <= WALK_LINES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(agent->deny_on_miss.words); i++) {
		EXPECT(agent->deny_on_miss.words[i] == 0); /* only the operator's */
		EXPECT((manifest.wishes_deny.words[i] & ~agent->granted.words[i]) == 0);
	}
	/* the longest program fits in no path; it is told then, elsewhere */
	if (!manifest_program(&manifest, "/m/fuzz.yaml", path))
		return;
	EXPECT(value_path(path, false) && value_path_inside(path, "/m") && strcmp(path, "/m") != 0);
	settings.agents[0] = *agent;
	strcpy(settings.agents[0].path, path);
	EXPECT(!settings_check(&settings));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document_source source = {.name = "fuzz", .bytes = data, .size = size};
	if (settings.magic == 0)
		settings = (struct settings){.magic = SETTINGS_MAGIC,
					     .size = sizeof(settings),
					     .deadline_exec_ms = 1,
					     .deadline_open_ms = 1,
					     .uid_base = 60800,
					     .run_dir = "/run",
					     .state_dir = "/var",
					     .n_agents = 1};
	memset(&manifest, UNTOUCHED, sizeof(manifest));
	errors = (struct document_errors){0};
	int r = manifest_read(&source, "0.1.0", &manifest, &errors);
	if (r == 0) {
		expect_manifest();
	} else {
		EXPECT(r == DOCUMENT_WRONG);
		expect_errors();
	}
	return 0;
}
