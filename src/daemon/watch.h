/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: cage and control, which nobody waits for in the kernel: a process that stands still is ended, and started
 * again.
 *
 *     every four seconds: IPC_PING ─▶ its loop ─▶ IPC_PONG     no answer for LOOKS looks, one a second ─▶ watch_judge
 * ─▶ children_kill
 *
 * Judged as the keeper judges the engine: by what the process did with its processor time, not by a clock alone. One
 * that is starved, or waits for the disk, is left in peace for as long as that takes. Owns the open files of /proc.
 */
#pragma once

#include "daemon/children.h"
#include "daemon/keeper_judge.h"

#define WATCH_LOOKS 6u /* without an answer, a second or more apart: at least 5 s */
#define WATCH_SPIN_NS UINT64_C(2000000000) /* of processor time without an answer: starting agents takes some */

struct watch;

/* children is borrowed. */
int watch_new(struct loop *loop, struct children *children, struct watch **ret);
struct watch *watch_free(struct watch *watch);

void watch_started(struct watch *watch, enum process_role role, pid_t pid);
void watch_ended(struct watch *watch, enum process_role role);
void watch_pong(struct watch *watch, enum process_role role, uint64_t number);

/* Pure. asked: the look when the ping was sent; looks: so many since found no answer. Why it must be ended, NULL: it
 * must not (yet). */
const char *watch_judge(const struct keeper_sample *asked, const struct keeper_sample *now, unsigned looks);
