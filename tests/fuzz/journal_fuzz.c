/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two files of a journal of any bytes: what is read of them is whole, every place is given out or counted as damaged,
 * the answer to `ringside actions` can be made of it, and who writes goes on where it was: the newest is what was
 * appended.
 *
 * The input: a byte, whose bit 0 says that the checksums are to be made right; a byte, how many parts of 256 of the
 * rest are the first file; the files.
 */
#include "base/fd.h"
#include "control/actions.h"
#include "recorder/crc32c.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_IN (1u << 18)

static char folder[] = "/dev/shm/ringside-journal-fuzz-XXXXXX";

static const char *path_of(unsigned file)
{
	static char path[96];
	snprintf(path, sizeof(path), "%s/actions.%u", folder, file);
	return path;
}

static void take_away(void)
{
	unlink(path_of(0));
	unlink(path_of(1));
	rmdir(folder);
}

static void make_folder(void)
{
	static bool made;
	if (made)
		return;
	FUZZ_EXPECT(mkdtemp(folder));
	atexit(take_away);
	made = true;
}

/* Else hardly a change would come past the checksum. */
static void make_right(uint8_t *bytes, size_t size)
{
	struct journal_record record;
	for (size_t at = 0; at + sizeof(record) <= size; at += sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		record.crc = crc32c(0, &record, offsetof(struct journal_record, crc));
		memcpy(bytes + at, &record, sizeof(record));
	}
}

static void write_file(unsigned file, const uint8_t *bytes, size_t size)
{
	_cleanup_(fd_closep) int fd = open(path_of(file), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_EXPECT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
}

static void expect_text(const char *text, size_t size)
{
	FUZZ_EXPECT(memchr(text, '\0', size));
}

static void expect_whole(const struct journal_record *record)
{
	FUZZ_EXPECT(record->magic == JOURNAL_MAGIC && record->size == sizeof(*record));
	FUZZ_EXPECT(record->number > 0 && record->number < UINT64_MAX); /* another one can come after it */
	FUZZ_EXPECT(record->error <= 0 && record->error > -4096);
	FUZZ_EXPECT(record->args_size <= sizeof(record->args));
	expect_text(record->agent, sizeof(record->agent));
	expect_text(record->version, sizeof(record->version));
	expect_text(record->content_version, sizeof(record->content_version));
	expect_text(record->rule, sizeof(record->rule));
	expect_text(record->reason, sizeof(record->reason));
	expect_text(record->exe, sizeof(record->exe));
	expect_text(record->boot_id, sizeof(record->boot_id));
}

static uint64_t read_all(struct journal *journal)
{
	struct journal_cursor cursor = {0};
	struct journal_record record;
	uint64_t n = 0;
	for (; journal_read(journal, &cursor, &record); n++)
		expect_whole(&record);
	return n + cursor.damaged;
}

static void answer(struct journal *journal)
{
	char *text;
	size_t size;
	FUZZ_EXPECT(actions_json(journal, "", 8, &text, &size) == 0);
	free(text);
}

static void append(struct journal *journal, uint64_t n_places)
{
	struct journal_cursor cursor = {0};
	struct journal_record record = {.what = JOURNAL_ASKED, .number = journal_next_number(journal), .agent = "fuzz"};
	struct journal_record newest;
	FUZZ_EXPECT(journal_append(journal, &record) == 0);
	FUZZ_EXPECT(journal_read(journal, &cursor, &newest));
	FUZZ_EXPECT(newest.number == record.number && strcmp(newest.agent, "fuzz") == 0);
	FUZZ_EXPECT(read_all(journal) == n_places + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[SIZE_MAX_IN];
	struct journal *journal;
	if (size < 2 || size - 2 > sizeof(bytes))
		return 0;
	bool right = data[0] & 1;
	size_t rest = size - 2, first = rest * data[1] / 256;
	make_folder();
	memcpy(bytes, data + 2, rest);
	if (right) {
		make_right(bytes, first);
		make_right(bytes + first, rest - first);
	}
	write_file(0, bytes, first);
	write_file(1, bytes + first, rest - first);
	uint64_t n_places = first / sizeof(struct journal_record) + (rest - first) / sizeof(struct journal_record);
	FUZZ_EXPECT(journal_open(folder, false, &journal) == 0);
	FUZZ_EXPECT(read_all(journal) == n_places);
	answer(journal);
	journal_free(journal);
	FUZZ_EXPECT(journal_open(folder, true, &journal) == 0);
	append(journal, n_places);
	journal_free(journal);
	return 0;
}
