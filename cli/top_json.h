/* SPDX-License-Identifier: Apache-2.0 */
/* top_json: one look of `ringside top` as JSON. */
#pragma once

#include "top_sample.h"

/* sample may be NULL; trouble: why there is nothing newer, escaped, or NULL. */
void top_json_add(struct text *text, const struct top_sample *sample, const struct top_rates *rates, uint64_t wall_ns,
		  const char *trouble);
