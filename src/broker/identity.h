/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: who an agent is at one moment: name, version, version of its content. Questions that were asked under it
 * keep it after the agent has changed or gone, so that each answer is attributed to what really gave it.
 */
#pragma once

#include "wire/session.h"

struct identity {
	uint32_t references;
	uint32_t agent_index; /* in settings; UINT32_MAX: an observer */
	char name[SESSION_NAME_SIZE];
	char version[SESSION_VERSION_SIZE];
	char content_version[SESSION_VERSION_SIZE];
};

/* A copy of `template` with one reference. -ENOMEM. */
int identity_new(const struct identity *template, struct identity **ret);
struct identity *identity_ref(struct identity *identity);
/* NULL is allowed. Returns NULL. */
struct identity *identity_unref(struct identity *identity);
