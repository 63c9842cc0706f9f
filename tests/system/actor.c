/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor: an agent for the system tests that speaks to nobody.
 *
 *     actor stubborn       does not end when it is asked to
 *     actor fork           leaves a process in a session of its own behind, and waits
 *     actor print TEXT N   prints TEXT N times, and waits
 *     actor open FILE      opens FILE ten times a second, and prints each time "opened" or why it could not
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void open_for_ever(const char *path)
{
	for (;; usleep(100000)) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		dprintf(STDOUT_FILENO, "%s\n", fd < 0 ? strerror(errno) : "opened");
		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";
	if (strcmp(role, "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(role, "fork") == 0 && fork() == 0)
		setsid();
	if (strcmp(role, "open") == 0 && argc > 2)
		open_for_ever(argv[2]);
	for (long n = strcmp(role, "print") == 0 && argc > 3 ? atol(argv[3]) : 0; n > 0; n--)
		dprintf(STDOUT_FILENO, "%s\n", argv[2]);
	for (;;)
		pause();
}
