/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     append: a file that is full ─▶ the other is emptied ─▶ cut to whole records ─▶ write ─▶ fdatasync
 *
 * Every step may be the last before a power cut: a file that was emptied and got nothing is found empty beside a full
 * one, and emptied again; a torn record is cut off by the next writer and left out by every reader.
 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/fd.h"
#include "recorder/crc32c.h"
#include "wire/form.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define RECORD_SIZE ((off_t)sizeof(struct journal_record))

struct journal {
	bool writes;
	int fds[JOURNAL_FILES];
	uint32_t current; /* the file that is written to */
	uint64_t last_number;
	char boot_id[JOURNAL_BOOT_SIZE];
};

static const char *const names[JOURNAL_FILES] = {"actions.0", "actions.1"};

static uint32_t crc_of(const struct journal_record *record)
{
	return crc32c(0, record, offsetof(struct journal_record, crc));
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool is_whole(const struct journal_record *record)
{
	return record->magic == JOURNAL_MAGIC && record->size == sizeof(*record) && record->crc == crc_of(record) &&
	       record->number > 0 && record->number < UINT64_MAX && form_errno(record->error) &&
	       record->args_size <= sizeof(record->args) && terminated(record->agent, sizeof(record->agent)) &&
	       terminated(record->version, sizeof(record->version)) &&
	       terminated(record->content_version, sizeof(record->content_version)) &&
	       terminated(record->rule, sizeof(record->rule)) && terminated(record->reason, sizeof(record->reason)) &&
	       terminated(record->exe, sizeof(record->exe)) && terminated(record->boot_id, sizeof(record->boot_id));
}

/* Whole places of records in a file; 0 when it cannot be told. */
static uint64_t n_places(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)(st.st_size / RECORD_SIZE) : 0;
}

static bool read_at(int fd, uint64_t place, struct journal_record *ret)
{
	ssize_t size = pread(fd, ret, sizeof(*ret), (off_t)place * RECORD_SIZE);
	return size == (ssize_t)sizeof(*ret) && is_whole(ret);
}

/* The number of the newest whole record; 0: there is none. */
static uint64_t newest_in(int fd)
{
	struct journal_record record;
	for (uint64_t place = n_places(fd); place > 0; place--)
		if (read_at(fd, place - 1, &record))
			return record.number;
	return 0;
}

static uint32_t newer_file(const struct journal *journal)
{
	return newest_in(journal->fds[1]) > newest_in(journal->fds[0]) ? 1 : 0;
}

static int cut_to_whole(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size % RECORD_SIZE == 0)
		return 0;
	return ftruncate(fd, st.st_size - st.st_size % RECORD_SIZE) < 0 ? -errno : 0;
}

static int open_files(struct journal *journal, int folder_fd)
{
	int flags = (journal->writes ? O_RDWR | O_APPEND : O_RDONLY) | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	for (size_t i = 0; i < JOURNAL_FILES; i++) {
		struct stat st;
		journal->fds[i] = openat(folder_fd, names[i], flags, 0600);
		if (journal->fds[i] < 0 || fstat(journal->fds[i], &st) < 0)
			return -errno;
		if (!S_ISREG(st.st_mode))
			return -ENOTSUP;
	}
	if (fsync(folder_fd) < 0) /* or the files are there, and their names are not */
		return -errno;
	return 0;
}

static void journal_freep(struct journal **journal)
{
	journal_free(*journal);
}

int journal_open(const char *folder, bool writes, struct journal **ret)
{
	_cleanup_(fd_closep) int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return -errno;
	_cleanup_(journal_freep) struct journal *journal = calloc(1, sizeof(*journal));
	if (!journal)
		return -ENOMEM;
	journal->writes = writes;
	for (size_t i = 0; i < JOURNAL_FILES; i++)
		journal->fds[i] = -1;
	int r = open_files(journal, folder_fd);
	for (size_t i = 0; i < JOURNAL_FILES && r == 0 && writes; i++)
		r = cut_to_whole(journal->fds[i]);
	if (r < 0)
		return r;
	journal->current = newer_file(journal);
	journal->last_number = newest_in(journal->fds[journal->current]);
	if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", journal->boot_id, sizeof(journal->boot_id)) < 0)
		journal->boot_id[0] = '\0';
	journal->boot_id[strcspn(journal->boot_id, "\n")] = '\0';
	*ret = STEAL(journal);
	return 0;
}

struct journal *journal_free(struct journal *journal)
{
	if (!journal)
		return NULL;
	for (size_t i = 0; i < JOURNAL_FILES; i++)
		fd_close(journal->fds[i]);
	free(journal);
	return NULL;
}

uint64_t journal_next_number(struct journal *journal)
{
	return ++journal->last_number;
}

/* The other file, emptied, when this one is full. */
static int rotate(struct journal *journal)
{
	uint32_t other = (journal->current + 1) % JOURNAL_FILES;
	if (n_places(journal->fds[journal->current]) < JOURNAL_RECORDS_MAX)
		return 0;
	if (ftruncate(journal->fds[other], 0) < 0)
		return -errno;
	journal->current = other;
	return 0;
}

static int write_whole(int fd, const struct journal_record *record)
{
	ssize_t size;
	do
		size = write(fd, record, sizeof(*record));
	while (size < 0 && errno == EINTR);
	if (size == (ssize_t)sizeof(*record))
		return fdatasync(fd) < 0 ? -errno : 0;
	return size < 0 ? -errno : -ENOSPC;
}

int journal_append(struct journal *journal, struct journal_record *record)
{
	if (!journal->writes)
		return -EROFS;
	record->magic = JOURNAL_MAGIC;
	record->size = sizeof(*record);
	record->wall_ns = clock_wall_ns();
	memcpy(record->boot_id, journal->boot_id, sizeof(record->boot_id));
	record->crc = crc_of(record);
	int r = rotate(journal);
	int fd = journal->fds[journal->current];
	if (r == 0)
		r = cut_to_whole(fd);
	if (r < 0)
		return r;
	uint64_t places = n_places(fd);
	r = write_whole(fd, record);
	if (r < 0 && ftruncate(fd, (off_t)places * RECORD_SIZE) < 0)
		return -errno; /* what was torn stays until the next append cuts it off */
	return r;
}

bool journal_read(struct journal *journal, struct journal_cursor *cursor, struct journal_record *ret)
{
	if (!cursor->begun) {
		cursor->begun = true;
		cursor->file = newer_file(journal);
		cursor->files_left = JOURNAL_FILES - 1;
		cursor->at = n_places(journal->fds[cursor->file]);
	}
	for (;;) {
		while (cursor->at > 0) {
			if (read_at(journal->fds[cursor->file], --cursor->at, ret))
				return true;
			cursor->damaged++;
		}
		if (cursor->files_left == 0)
			return false;
		cursor->files_left--;
		cursor->file = (cursor->file + 1) % JOURNAL_FILES;
		cursor->at = n_places(journal->fds[cursor->file]);
	}
}
