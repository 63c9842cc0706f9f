/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/rule.h"

#include "common/common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct rule rules[] = {
	{"server_shell",
	 "A server started a shell",
	 {"T1059.004", "T1190", "T1505.003"},
	 4,
	 {RS_EVENT_EXEC},
	 rule_shell},
	{"memfd_exec",
	 "A program that is in memory only was started",
	 {"T1620", "T1027.011"},
	 4,
	 {RS_EVENT_EXEC},
	 rule_memfd},
	{"credential_read",
	 "Credentials were read by a program that has no business with them",
	 {"T1003.008", "T1552.001", "T1555.003"},
	 4,
	 {RS_EVENT_OPEN},
	 rule_credentials},
	{"mass_change",
	 "Many files were renamed or overwritten as by ransomware",
	 {"T1486"},
	 5,
	 {RS_EVENT_RENAME, RS_EVENT_CLOSE_WRITE},
	 rule_mass},
	{"inject",
	 "A process reached into one of another user",
	 {"T1055.008", "T1055.009"},
	 4,
	 {RS_EVENT_PTRACE, RS_EVENT_MEMORY_WRITE},
	 rule_inject},
	{"download_exec",
	 "A file from the network was executed at once",
	 {"T1105", "T1204.002"},
	 4,
	 {RS_EVENT_EXEC},
	 rule_download},
	{"service_folder",
	 "A service executed a file where anybody may write",
	 {"T1059", "T1036.005"},
	 4,
	 {RS_EVENT_EXEC, RS_EVENT_AUTH_EXEC},
	 rule_folder,
	 .may_deny = true},
};
const size_t n_rules = ARRAY_SIZE(rules);
_Static_assert(ARRAY_SIZE(rules) <= RULES_MAX, "one bit each");

int rule_find(const char *name)
{
	for (size_t i = 0; i < n_rules; i++)
		if (strcmp(rules[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

void finding_say(struct finding *finding, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}
