/* SPDX-License-Identifier: Apache-2.0 */
/* absent_fanotify: stands where a build has no fanotify back end: it cannot be opened, and doctor says so. */
#include "sensor/sensor.h"

#include <errno.h>

static int absent_open(const struct sensor_start *start, struct sensor **ret)
{
	return -EOPNOTSUPP;
}

const struct sensor_ops sensor_fanotify_ops = {.name = "fanotify", .open = absent_open};
