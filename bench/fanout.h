/* SPDX-License-Identifier: Apache-2.0 */
/* fanout: events from the engine's broker to agents through the SDK, each agent a process. */
#pragma once

/* Prints `fanout-AGENTS NANOSECONDS` per event (each goes to every agent). Exit status. */
int fanout(int n_agents);
