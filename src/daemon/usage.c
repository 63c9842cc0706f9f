/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/usage.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The number at *text, which moves behind it. */
static bool take_number(const char **text, uint64_t *ret)
{
	char *end;
	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	unsigned long long number = strtoull(*text, &end, 10);
	if (errno != 0 || (*end != ' ' && *end != '\n' && *end != '\0'))
		return false;
	*text = *end == ' ' ? end + 1 : end;
	*ret = number;
	return true;
}

struct usage usage_parse(const char *statm, const char *schedstat, uint64_t page_bytes)
{
	struct usage usage = {0};
	uint64_t total, resident;
	usage.has_memory = take_number(&statm, &total) && take_number(&statm, &resident) && resident <= total &&
			   !__builtin_mul_overflow(resident, page_bytes, &usage.memory_bytes);
	usage.has_cpu = take_number(&schedstat, &usage.cpu_ns);
	return usage;
}

static void read_proc(int pid, const char *file, char *text, size_t size)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if (fd_read_file(AT_FDCWD, path, text, size) < 0)
		text[0] = '\0';
}

void usage_to_json(int pid, struct json *json)
{
	char statm[160], schedstat[160];
	if (pid <= 0)
		return;
	read_proc(pid, "statm", statm, sizeof(statm));
	read_proc(pid, "schedstat", schedstat, sizeof(schedstat));
	struct usage usage = usage_parse(statm, schedstat, (uint64_t)sysconf(_SC_PAGESIZE));
	if (usage.has_memory)
		json_u64(json, "memory_bytes", usage.memory_bytes);
	if (usage.has_cpu)
		json_u64(json, "cpu_ns", usage.cpu_ns);
}
