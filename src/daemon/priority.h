/* SPDX-License-Identifier: Apache-2.0 */
/* priority: the parent runs before the engine, and both before the rest, also when memory or processors are short. */
#pragma once

/* What the system does not allow is left out; the platform is only later then. Children start without it. */
void priority_raise(void);
