/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ipc.h"

const char *ipc_check(const void *bytes, size_t size)
{
	const struct ipc_head *head = bytes;
	if (size < sizeof(*head) || head->size != size)
		return "size";
	if (head->type == 0 || head->type > IPC_REPLY)
		return "type";
	return NULL;
}
