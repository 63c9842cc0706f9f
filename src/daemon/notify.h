/* SPDX-License-Identifier: Apache-2.0 */
/* notify: what systemd wants to hear (sd_notify(3), sd_watchdog_enabled(3)), without its library. */
#pragma once

#include <stdint.h>

struct notify {
	int fd; /* -1: nobody listens */
	uint64_t watchdog_ns; /* how often it wants to hear of us; 0: never */
};

/* From the environment, which is cleared of it, so that no child speaks in our place. */
void notify_open(struct notify *ret);
void notify_close(struct notify *notify);

/* Lines such as "READY=1". Errors are not ours to care for. */
void notify_send(const struct notify *notify, const char *text);
