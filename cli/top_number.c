/* SPDX-License-Identifier: Apache-2.0 */
/* top_number: numbers of at most five columns. */
#include "top_frame.h"

#include <inttypes.h>

struct unit {
	double factor;
	const char *name;
};

/* In the first unit in which it has at most three digits before the point; one behind it when there is but one. */
static void add_short(struct text *text, double value, const struct unit *units, size_t n)
{
	size_t i = 0;
	while (i + 1 < n && value / units[i].factor >= 999.5)
		i++;
	value /= units[i].factor;
	double tenths = value * 10;
	if (value >= 9.95 || (uint64_t)(tenths + 0.5) % 10 == 0)
		text_format(text, "%.0f%s", value, units[i].name);
	else
		text_format(text, "%.1f%s", value, units[i].name);
}

void top_add_rate(struct text *text, double per_s)
{
	static const struct unit units[] = {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}, {1e15, "P"}};
	add_short(text, per_s > 0 && per_s < 0.05 ? 0.1 : per_s, units, ARRAY_SIZE(units));
}

void top_add_us(struct text *text, uint64_t us)
{
	static const struct unit units[] = {{1, "us"}, {1e3, "ms"}, {1e6, "s"}};
	if (us >= 999500000)
		text_add(text, ">999s");
	else
		add_short(text, (double)us, units, ARRAY_SIZE(units));
}

void top_add_bytes(struct text *text, uint64_t bytes)
{
	static const struct unit units[] = {{1, "B"},      {0x1p10, "K"}, {0x1p20, "M"}, {0x1p30, "G"},
					    {0x1p40, "T"}, {0x1p50, "P"}, {0x1p60, "E"}};
	add_short(text, (double)bytes, units, ARRAY_SIZE(units));
}
