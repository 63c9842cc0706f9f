/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration and a manifest of any bytes: whatever they say, no agent with a manifest gets more than that asks
 * for. The input is the configuration, and behind the first zero byte the manifest of whoever names one; without a zero
 * byte it is the one below.
 */
#include "config/config.h"
#include "package/manifest.h"
#include "tests/fuzz/fuzz.h"
#include "yaml/value.h"

#include <string.h>

#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

static const char built_in[] =
	"name: guard\nvendor: Example\nversion: 1\ncontract: 1\nprogram: bin/guard\n"
	"args: [-q]\noperator_args: yes\nevents: [auth_exec, exec, exit]\nactions: [kill]\n"
	"deadline: {exec: 500 ms}\nlimits: {memory: 128 MB, cpu: 50 %, disk: 16 MB,\n"
	"  events_per_second: 20000}\nnetwork: [443/tcp, 53/tcp]\nreads: [/etc/guard, /usr/share/g/r]\n";

static struct document_source asked_for;
static unsigned n_read;

static const char *read_manifest(void *data, const char *path, struct document_source *ret)
{
	n_read++;
	*ret = asked_for;
	return NULL;
}

/* A 0 of these means: no limit. */
static bool at_most(uint32_t granted, uint32_t asked)
{
	return asked == 0 || granted <= asked;
}

static void expect_limits(const struct settings_agent *granted, const struct settings_agent *asked)
{
	EXPECT(granted->memory_mb <= asked->memory_mb && granted->tasks_max <= asked->tasks_max);
	EXPECT(granted->files_max <= asked->files_max && granted->disk_mb <= asked->disk_mb);
	EXPECT(granted->ring_kb <= asked->ring_kb && granted->pending_max <= asked->pending_max);
	EXPECT(granted->denies_per_min <= asked->denies_per_min && granted->actions_per_min <= asked->actions_per_min);
	EXPECT(at_most(granted->cpu_percent, asked->cpu_percent) &&
	       at_most(granted->events_per_s, asked->events_per_s));
}

static bool is_asked_for(const char *path, const struct settings_agent *asked)
{
	for (uint32_t i = 0; i < asked->n_reads; i++)
		if (value_path_inside(path, asked->reads[i]))
			return true;
	return false;
}

static bool has_port(uint16_t port, const struct settings_agent *asked)
{
	for (uint32_t i = 0; i < asked->n_endpoints; i++)
		if (asked->endpoints[i].port == port)
			return true;
	return asked->network == SETTINGS_NETWORK_ANY;
}

static void expect_narrower(const struct settings_agent *granted, const struct manifest *manifest)
{
	const struct settings_agent *asked = &manifest->agent;
	expect_limits(granted, asked);
	for (size_t i = 0; i < ARRAY_SIZE(asked->granted.words); i++)
		EXPECT((granted->granted.words[i] & ~asked->granted.words[i]) == 0);
	EXPECT((granted->actions & ~asked->actions) == 0 && granted->network <= asked->network);
	for (uint32_t i = 0; i < granted->n_reads; i++)
		EXPECT(is_asked_for(granted->reads[i], asked));
	for (uint32_t i = 0; i < granted->n_endpoints; i++)
		EXPECT(has_port(granted->endpoints[i].port, asked));
	EXPECT(granted->n_args == asked->n_args || (manifest->operator_args && granted->n_args > asked->n_args));
	EXPECT(memcmp(granted->args, asked->args, asked->n_args * sizeof(asked->args[0])) == 0);
	EXPECT(strcmp(granted->version, asked->version) == 0);
	const char *program = strstr(granted->path, manifest->program);
	EXPECT(program &&
	       strcmp(granted->path + strlen(granted->path) - strlen(manifest->program), manifest->program) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings settings;
	static struct document_errors errors, others;
	static struct manifest manifest;
	const uint8_t *zero = memchr(data, 0, size);
	size_t size_config = zero ? (size_t)(zero - data) : size;
	struct config_source source = {.file = {.name = "fuzz", .bytes = data, .size = size_config},
				       .platform = "0.1.0",
				       .manifest = read_manifest};
	asked_for = zero ? (struct document_source){.bytes = zero + 1, .size = size - size_config - 1}
			 : (struct document_source){.bytes = built_in, .size = sizeof(built_in) - 1};
	n_read = 0;
	int r = config_parse(&source, &settings, &errors);
	EXPECT(r == 0 || (r == DOCUMENT_WRONG && errors.count > 0));
	if (r != 0)
		return 0;
	EXPECT(!settings_check(&settings));
	if (n_read == 0)
		return 0;
	asked_for.name = "manifest";
	others = (struct document_errors){0};
	EXPECT(manifest_read(&asked_for, "0.1.0", &manifest, &others) == 0);
	/* a version is only known of those that have a manifest */
	unsigned n = 0;
	for (uint32_t i = 0; i < settings.n_agents; i++)
		if (settings.agents[i].version[0]) {
			expect_narrower(&settings.agents[i], &manifest);
			n++;
		}
	EXPECT(n == n_read);
	return 0;
}
