/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/identity.h"

#include "base/macro.h"

#include <errno.h>

int identity_new(const struct identity *template, struct identity **ret)
{
	struct identity *identity = malloc(sizeof(*identity));
	if (!identity)
		return -ENOMEM;
	*identity = *template;
	identity->references = 1;
	*ret = identity;
	return 0;
}

struct identity *identity_ref(struct identity *identity)
{
	identity->references++;
	return identity;
}

struct identity *identity_unref(struct identity *identity)
{
	if (identity && --identity->references == 0)
		free(identity);
	return NULL;
}
