/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf: the sensor that hears from our programs in the kernel. Its face is sensor_bpf_ops; here is what its own tests
 * see besides.
 */
#pragma once

#include "sensor/sensor.h"

/* Adds up what the kernel side counted: records put into the ring buffer, and records that had no room. */
void sensor_bpf_kernel_counts(const struct sensor *sensor, uint64_t *ret_produced, uint64_t *ret_lost);
/* Records taken from the ring buffer, whatever became of them. */
uint64_t sensor_bpf_taken(const struct sensor *sensor);
/* As sensor_bpf_ops.open, without typed tracepoints, as on a kernel without type information of its own. */
int sensor_bpf_open_raw(const struct sensor_start *start, struct sensor **ret);
