/* SPDX-License-Identifier: Apache-2.0 */
/*
 * promise: what each sensor of Linux promises of each event when the kernel gives the sensor what it needs.
 *
 *     promises ─▶ the sensors' abilities (what the kernel refused, taken off)
 *              └▶ `ringside doctor` without a platform: what is to be expected
 *
 * Owns the words for it, so that both say the same. What the platform itself reports has no row, nor has what nothing
 * gives yet.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PROMISE_NONE "no sensor that is switched on gives it"

enum promise_source {
	PROMISE_NOBODY, /* the reason says what would be needed */
	PROMISE_FANOTIFY,
	PROMISE_BPF,
};

struct promise {
	uint16_t type;
	uint8_t source; /* enum promise_source */
	uint8_t state; /* enum session_ability_state */
	const char *reason;
};

extern const struct promise promises[];
extern const size_t promise_n;

/* NULL: no sensor has to do with it; for what is not the platform's own, PROMISE_NONE is the reason. */
const struct promise *promise_find(uint16_t type);
