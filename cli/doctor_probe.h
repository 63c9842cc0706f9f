/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_probe: what can be learnt of this machine without a running platform.
 *
 * Changes nothing: it opens a fanotify group without a mark, and reads files under /proc and /sys.
 */
#pragma once

#include "view.h"

/* {"kernel": …, "running": false, "notes": […]} in the shape of a DOCTOR answer; owned by the caller. NULL when there
 * is no memory. root: "" or a folder that stands for / (for tests; then the fanotify group is not tried). */
struct json_object *doctor_probe(const char *root);
