/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/event_fds.h"

#include "base/fd.h"
#include "wire/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

int event_fds_init(struct event_fds *fds)
{
	int occupant = eventfd(0, EFD_CLOEXEC);
	if (occupant < 0)
		return -errno;
	int last = occupant;
	while (last < LEDGER_FD_FLOOR - 1) {
		last = fcntl(occupant, F_DUPFD_CLOEXEC, 0);
		if (last < 0)
			return -errno;
	}
	if (last >= LEDGER_FD_FLOOR && last != occupant)
		fd_close(last); /* the one too many: this number is an event's */
	fds->occupant = occupant;
	return 0;
}

void event_fds_deinit(struct event_fds *fds)
{
	/* the others are closed with the process: which of them are still ours is not known */
	fds->occupant = fd_close(fds->occupant);
}

void event_fds_close(const struct event_fds *fds, int fd)
{
	if (fd >= 0 && fd < LEDGER_FD_FLOOR && fds->occupant >= 0)
		dup3(fds->occupant, fd, O_CLOEXEC);
	else
		fd_close(fd);
}
