/* SPDX-License-Identifier: Apache-2.0 */
/* process_table_internal: for the table's own test. */
#pragma once

#include "sensor/process_table.h"

/* Over another /proc and another root of cgroup v2 (or -1), both consumed, and of another size. */
int process_table_new_at(int proc_fd, int cgroup_fd, uint32_t max, struct sensor_process_table **ret);
uint32_t process_table_size(const struct sensor_process_table *table);
