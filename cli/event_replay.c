/* SPDX-License-Identifier: Apache-2.0 */
#include "event_replay.h"

#include "recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static int complain(const char *path, const char *why)
{
	struct text text = {0};
	text_add_escaped(&text, path, strlen(path));
	text_add(&text, ": ");
	text_add_escaped(&text, why, strlen(why));
	cli_complain("%s", text_get(&text));
	text_deinit(&text);
	return CLI_USAGE;
}

static void say_damage(const char *path, const struct recording_counters *counters)
{
	char words[160];
	if (counters->damaged + counters->refused + counters->torn_bytes == 0)
		return;
	snprintf(words, sizeof(words),
		 "damaged in %" PRIu64 " places (%" PRIu64 " bytes), %" PRIu64 " events were not well formed, %" PRIu64
		 " bytes of an unfinished one at its end",
		 counters->damaged, counters->skipped_bytes, counters->refused, counters->torn_bytes);
	complain(path, words);
}

int event_replay(const char *path, bool (*each)(void *data, const struct rs_event *event), void *data)
{
	struct recording_reader *reader;
	char problem[RECORDING_PROBLEM_SIZE] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return complain(path, strerror(errno));
	int r = recording_reader_new(fd, &reader, problem);
	if (r != 0)
		return complain(path, r < 0 ? strerror(-r) : problem);
	struct rs_event *event;
	bool go_on = true;
	while (go_on && (r = recording_next(reader, &event)) >= 0 && r != RECORDING_END)
		if (r == RECORDING_OK)
			go_on = each(data, event);
	if (r < 0)
		complain(path, strerror(-r));
	say_damage(path, recording_reader_counters(reader));
	recording_reader_free(reader);
	return r < 0 ? CLI_USAGE : CLI_OK;
}
