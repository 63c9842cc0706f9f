/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mute: what one agent does not want to see (or, inverted, only wants to see), with hash lookups.
 *
 * Owns its entries, bounded by MUTE_ENTRIES_MAX and MUTE_BYTES_MAX: the agent's charge. A lookup costs one step for
 * each byte of a path and one probe for each prefix length in use. The hash has a secret key, and a bucket has a
 * bounded chain, so an agent cannot make its lookups slow for the others.
 *
 * Kinds make groups: process · executable (literal and prefix) · target (literal and prefix) · user · cgroup. An
 * event is muted when a group that is not inverted matches, or a group that is inverted does not. Several files in
 * one event (rename, link): all must match to be muted, one is enough to be wanted. An event that has no file is not
 * touched by target mutes.
 */
#pragma once

#include "wire/session.h"

#include <stdbool.h>

#define MUTE_ENTRIES_MAX 2048u
#define MUTE_BYTES_MAX (256u << 10)

struct mutes;

/* -ENOMEM, or another -errno when the system gives no random key. */
int mutes_new(struct mutes **ret);
struct mutes *mutes_free(struct mutes *mutes);

/* Does what a message (that passed session_check()) asks for. 0, also when what is to be removed is not there;
 * -ENOSPC: too many; -ENOMEM. */
int mutes_change(struct mutes *mutes, const struct session_mute *message);

/* Whether all events of this type that a process (SESSION_MUTE_PROCESS) or a user (SESSION_MUTE_UID) does are. */
bool mutes_has(const struct mutes *mutes, uint32_t kind, uint64_t number, uint16_t type);
/* All processes and users of which mutes_has() says so, each with its types. */
void mutes_each(const struct mutes *mutes,
		void (*fn)(void *data, uint32_t kind, uint64_t number, const struct session_event_set *types),
		void *data);

/* Whether this event is to be kept from the agent. */
bool mutes_match(const struct mutes *mutes, const struct rs_event *event);
