/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pushdown: mutes that every subscriber of a type has, handed to the sensors: such an event is not made at all.
 *
 *     an agent mutes ─▶ pushdown_note ─▶ (tick) pushdown_renew ─▶ sensor->mute()
 *     anything less is muted, somebody listens ─▶ pushdown_stop: at once, then again as above
 *
 * Of processes and users only, and of groups that are not inverted: what else decides is not known where an event
 * begins. It is always less than what the agents muted, so mutes_match() stays who decides.
 */
#pragma once

struct broker;

/* More may be muted than is. */
void pushdown_note(struct broker *broker);
/* Less may be: nothing is, until the next pushdown_renew(). */
void pushdown_stop(struct broker *broker);
/* If there was anything to note. Once a tick, for it looks at all mutes. */
void pushdown_renew(struct broker *broker);
