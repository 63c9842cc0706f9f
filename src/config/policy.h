/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: what an agent of ringside.yaml says, held against its manifest: less is granted, more is an error. Pure.
 *
 * The operator alone says: on_miss, enabled, shadow, uid, jail, and the name.
 */
#pragma once

#include "package/manifest.h"
#include "yaml/schema.h"

/*
 * agent: the manifest's with the keys of the entry `node` written over it. Keeps of its events those that the manifest
 * wants (the words notify and all mean those), and notes an error for each key that goes beyond. path: of the
 * manifest, for messages.
 */
void policy_narrow(struct walk *walk, const yaml_node_t *node, const struct manifest *manifest, const char *path,
		   struct settings_agent *agent);
