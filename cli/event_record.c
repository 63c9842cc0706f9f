/* SPDX-License-Identifier: Apache-2.0 */
#include "event_record.h"

#include "recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct event_record {
	const char *path; /* borrowed */
	struct recording_writer *writer;
	uint64_t bytes_max;
	uint64_t n;
	bool full;
	int error;
};

static void complain(const char *path, const char *why)
{
	struct text text = {0};
	text_add_escaped(&text, path, strlen(path));
	cli_complain("%s: %s", text_get(&text), why);
	text_deinit(&text);
}

int event_record_begin(const char *path, uint64_t bytes_max, struct event_record **ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		complain(path, errno == EEXIST ? "is there already, and is not written over; name a new file"
					       : strerror(errno));
		return CLI_USAGE;
	}
	struct event_record *record = calloc(1, sizeof(*record));
	if (!record) {
		close(fd);
		unlink(path);
		return CLI_INTERNAL;
	}
	record->path = path;
	record->bytes_max = bytes_max;
	int r = recording_writer_new(fd, &record->writer);
	if (r < 0) {
		complain(path, strerror(-r));
		unlink(path);
		free(record);
		return CLI_USAGE;
	}
	*ret = record;
	return CLI_OK;
}

bool event_record_add(struct event_record *record, const struct rs_event *event)
{
	uint64_t size = recording_writer_size(record->writer) + sizeof(struct recording_frame) + event->size;
	record->full = size > record->bytes_max;
	if (!record->full)
		record->error = recording_write(record->writer, event);
	record->n += !record->full && record->error == 0;
	return !record->full && record->error == 0;
}

static void say(const struct event_record *record, const struct cli *cli)
{
	struct text text = {0};
	uint64_t size = recording_writer_size(record->writer);
	if (cli->json) {
		text_format(&text, "{\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"full\":%s}", record->n, size,
			    record->full ? "true" : "false");
	} else {
		text_format(&text, "%" PRIu64 " events, %" PRIu64 " bytes written to ", record->n, size);
		text_add_escaped(&text, record->path, strlen(record->path));
		if (record->full)
			text_format(&text, "; it is full: at most %" PRIu64 " bytes", record->bytes_max);
	}
	output_line(&cli->out, OUTPUT_PLAIN, text_get(&text));
	text_deinit(&text);
}

int event_record_end(struct event_record *record, const struct cli *cli, int code)
{
	if (record->error < 0) {
		complain(record->path, strerror(-record->error));
		code = CLI_NEGATIVE;
	}
	if (code != CLI_OK && record->n == 0)
		unlink(record->path);
	else
		say(record, cli);
	recording_writer_free(record->writer);
	free(record);
	return code;
}
