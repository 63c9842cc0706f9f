/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams from an agent, from the engine, and between our own processes: the first byte says which. What passes the
 * check must be safe to use, and what an agent may ask for must be safe to remember and to repeat.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/wants.h"
#include "wire/ipc.h"

#include <string.h>

/* As a subscription or mute that was accepted: what would be repeated of it passes the check, too. */
static void remember(const union wants_request *request)
{
	struct wants wants;
	struct wants_cursor cursor = {0};
	union wants_request again;
	wants_init(&wants);
	if (wants_prepare(&wants, request) == 0) {
		wants_apply(&wants, request);
		while (wants_replay(&wants, &cursor, &again))
			FUZZ_EXPECT(session_check(&again, again.head.size) == NULL);
	}
	wants_deinit(&wants);
}

static void use_agents(const void *bytes, size_t size)
{
	const struct session_head *head = bytes;
	FUZZ_EXPECT(head->size == size && head->reserved == 0);
	if (head->type == SESSION_ANSWER)
		FUZZ_EXPECT(strlen(((const struct session_answer *)bytes)->reason) <= RS_REASON_SIZE_MAX);
	if (head->type == SESSION_ACTION)
		FUZZ_EXPECT(strlen(((const struct session_action *)bytes)->reason) <= RS_REASON_SIZE_MAX &&
			    strlen(((const struct session_action *)bytes)->rule) < SESSION_RULE_SIZE);
	if (head->type == SESSION_SUBSCRIBE || head->type == SESSION_MUTE)
		remember(bytes);
}

static void use_engines(const void *bytes, size_t size)
{
	const struct session_welcome *welcome = bytes;
	FUZZ_EXPECT(welcome->head.size == size);
	if (welcome->head.type != SESSION_WELCOME)
		return;
	const struct session_ability *abilities = (const void *)(welcome + 1);
	FUZZ_EXPECT(strlen(welcome->name) < SESSION_NAME_SIZE);
	for (uint32_t i = 0; i < welcome->n_abilities; i++)
		FUZZ_EXPECT(strlen(abilities[i].reason) < sizeof(abilities[i].reason));
}

static void use_ipc(const void *bytes, size_t size)
{
	const struct ipc_head *head = bytes;
	FUZZ_EXPECT(head->size == size);
	if (head->type == IPC_REQUEST)
		FUZZ_EXPECT(strlen(((const struct ipc_request *)bytes)->text) < IPC_TEXT_SIZE);
	if (head->type == IPC_ACTION)
		FUZZ_EXPECT(strlen(((const struct ipc_action *)bytes)->reason) <= RS_REASON_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *(*check)(const void *bytes, size_t size);
		void (*use)(const void *bytes, size_t size);
	} sides[] = {
		{session_check, use_agents},
		{session_check_from_engine, use_engines},
		{ipc_check, use_ipc},
	};
	if (size == 0 || size > IPC_MESSAGE_MAX)
		return 0;
	size_t side = data[0] % 3;
	void *bytes = malloc(size); /* one more than is used, so that nothing is never asked for */
	if (!bytes)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	if (sides[side].check(bytes, size - 1) == NULL)
		sides[side].use(bytes, size - 1);
	free(bytes);
	return 0;
}
