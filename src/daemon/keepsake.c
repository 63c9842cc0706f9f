/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keepsake.h"

#include "base/fd.h"
#include "base/log.h"

#include <string.h>

void keepsake_drop(struct keepsake *keepsake)
{
	while (keepsake->n > 0)
		fd_close(keepsake->fds[--keepsake->n]);
}

void keepsake_take(struct keepsake *keepsake, uint64_t at, const int *fds, size_t n_fds)
{
	if (at == 0)
		keepsake_drop(keepsake);
	if (at != keepsake->n || n_fds > KEEPSAKE_MAX - keepsake->n) {
		log_warning(
			"the engine left descriptors %llu to %llu for the next one, expected from %zu to at most %u; "
			"they are dropped",
			(unsigned long long)at, (unsigned long long)at + n_fds, keepsake->n, KEEPSAKE_MAX);
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		keepsake_drop(keepsake);
		return;
	}
	memcpy(keepsake->fds + keepsake->n, fds, n_fds * sizeof(fds[0]));
	keepsake->n += n_fds;
}

void keepsake_give(const struct keepsake *keepsake, struct children *children)
{
	for (size_t at = 0; at < keepsake->n; at += FD_MESSAGE_MAX) {
		struct ipc_head message = {.size = sizeof(message), .type = IPC_KEPT, .number = at};
		size_t n_fds = keepsake->n - at < FD_MESSAGE_MAX ? keepsake->n - at : FD_MESSAGE_MAX;
		children_send(children, PROCESS_ENGINE, &message, keepsake->fds + at, n_fds);
	}
}
