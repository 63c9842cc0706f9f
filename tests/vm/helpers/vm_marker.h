/* SPDX-License-Identifier: Apache-2.0 */
/* vm_marker: what makes a file of the cases bad: its last 16 bytes. */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VM_MARKER_SIZE 16
#define VM_MARKER_OPEN "RINGSIDE-NO-OPEN" /* may not be opened */
#define VM_MARKER_EXEC "RINGSIDE-NO-EXEC" /* may not be opened for execution */

/* Whether the file ends with this marker. Reads by pread(2) only. */
static inline bool vm_marker_ends(int fd, const char *marker)
{
	struct stat st;
	char end[VM_MARKER_SIZE];
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= VM_MARKER_SIZE &&
	       pread(fd, end, sizeof(end), st.st_size - VM_MARKER_SIZE) == VM_MARKER_SIZE &&
	       memcmp(end, marker, VM_MARKER_SIZE) == 0;
}
