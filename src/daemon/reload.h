/* SPDX-License-Identifier: Apache-2.0 */
/* reload: pure: what of new settings can take the place of the old ones while everything runs. */
#pragma once

#include "wire/settings.h"

#include <stdbool.h>

enum reload_change {
	RELOAD_AGENTS = 1 << 0, /* the cage must know */
	RELOAD_ENGINE = 1 << 1, /* the engine must be started with them */
	RELOAD_CONTROL = 1 << 2, /* the same for control */
};

/*
 * Puts the old value back where a change needs a restart of the service; said(key) is called for each such key.
 * Returns the enum reload_change bits of what is left to change.
 */
unsigned reload_merge(const struct settings *old, struct settings *new, void (*said)(const char *key));
