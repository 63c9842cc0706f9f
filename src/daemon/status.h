/* SPDX-License-Identifier: Apache-2.0 */
/* status: the parent's part of `ringside status`. */
#pragma once

#include "daemon/children.h"
#include "daemon/keeper.h"

#define STATUS_SIZE_MAX 16384

struct status {
	const struct settings *settings;
	const struct children *children;
	const struct keeper *keeper;
	const char *config;
	uint64_t started_ns;
	uint64_t reloads;
	uint64_t reload_errors;
	uint64_t engine_generation;
};

/* {"version","config","uptime_s","reloads","reload_errors","engine_generation","scope":[],"processes":[],"keeper":{}}
 * Returns the size; what does not fit becomes an object with an error. */
size_t status_to_json(const struct status *status, char *text, size_t size);
