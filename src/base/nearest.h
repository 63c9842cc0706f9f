/* SPDX-License-Identifier: Apache-2.0 */
/* nearest: "did you mean": the one of several names that a mistyped word is closest to. Pure. */
#pragma once

#include "base/macro.h"

#include <stddef.h>

struct nearest {
	const char *word; /* borrowed */
	const char *name; /* the nearest so far, borrowed; NULL when none is near */
	size_t distance;
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *name);
