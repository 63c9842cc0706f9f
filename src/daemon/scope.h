/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: keeps the fanotify marks on the file systems that the settings name, also on those that are mounted later.
 *
 *     /proc/self/mountinfo ─▶ mounts_choose ─▶ marks in two groups: permission events, notify events
 *     EPOLLPRI on it (something was mounted) ─▶ the same again, at most every 50 ms
 *
 * A mark is on the whole file system (FAN_MARK_FILESYSTEM): bind mounts and other mount namespaces that show the
 * same file system are covered. A file system that is mounted in another mount namespace only is not seen here.
 * Holds no descriptor on a mount: it could not be unmounted else. Groups are borrowed.
 */
#pragma once

#include "base/loop.h"
#include "wire/settings.h"

struct scope;

struct scope_counters {
	uint64_t marked; /* file systems, at the last look */
	uint64_t refused; /* by the kernel, all looks */
	uint64_t hidden; /* mounts that another one covers, at the last look */
	uint64_t looks;
	uint64_t broken; /* lines of mountinfo that could not be understood, all looks */
};

int scope_new(struct loop *loop, const struct settings *settings, int permission_group, int notify_group,
	      struct scope **ret);
struct scope *scope_free(struct scope *scope);

/* Which events each group shall get from now on (FAN_OPEN_PERM …), on every file system of the scope. */
void scope_set_masks(struct scope *scope, uint64_t permission_mask, uint64_t notify_mask);

void scope_get_counters(const struct scope *scope, struct scope_counters *ret);
