/* SPDX-License-Identifier: Apache-2.0 */
/* only: the folders to which the operator narrowed an agent. Pure. */
#pragma once

#include "wire/settings.h"

#include <stdbool.h>

/*
 * Whether an event concerns the agent by where its files lie: one of them below one of the folders is enough. An event
 * without a file does, and so does a file whose path is not known: what cannot be told is not kept from a product.
 */
bool only_wants(const struct settings_agent *settings, const struct rs_event *event);
