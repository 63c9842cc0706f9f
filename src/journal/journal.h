/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: what agents asked the platform to do, and what came of it: on disk, over restarts and power cuts.
 *
 *     cage ─▶ journal_append (on disk when it returns) ─▶ STATE_DIR/actions.0, actions.1 ─▶ control ─▶ `ringside
 * actions`
 *
 * A record has one size and a checksum, so a record that was torn is told from a whole one and the next begins at its
 * place. An action has two records: ASKED, before anything is done, and OUTCOME, which repeats it all: the older may be
 * rotated away. Bounded: when a file is full the other one is emptied and gets what comes next, so between one and two
 * files of records are kept. Both are opened before the drop and never by name again.
 *
 * One writer, any number of readers. Knows nothing of what the texts say: they are agents' and programs' bytes.
 */
#pragma once

#include "wire/ipc.h"

#include <stdbool.h>

#define JOURNAL_MAGIC 0x52534a52u /* "RSJR" */
#define JOURNAL_RECORDS_MAX 4096u /* in each of the two files: 8 MiB */
#define JOURNAL_FILES 2u
#define JOURNAL_TEXT_SIZE 512u
#define JOURNAL_BOOT_SIZE 40u

/* Never used again: they are on disk. */
enum journal_what {
	JOURNAL_ASKED = 1, /* about to be done */
	JOURNAL_OUTCOME = 2, /* what came of it; also alone, for what was refused */
};

/* As it is on disk, in this machine's byte order. Strings end in NUL. */
struct journal_record {
	uint32_t magic;
	uint16_t size; /* of the record */
	uint16_t what; /* enum journal_what */
	uint64_t number; /* of the action in this journal, from 1; never used again */
	uint64_t wall_ns;
	uint64_t latency_ns; /* from the order to the outcome; OUTCOME only */
	uint64_t event_id; /* of its action_asked event, unique within boot */
	uint64_t request; /* the agent's own number */
	uint64_t process_id; /* of the target: start in ticks since boot, and pid; see struct rs_process */
	uint32_t kind; /* enum session_action_kind */
	uint32_t outcome; /* enum ipc_action_outcome; 0 in ASKED */
	int32_t error; /* 0 or -errno */
	uint32_t uid; /* of the target; UINT32_MAX: not known */
	uint32_t args_size; /* arguments end in NUL each, the last may be cut */
	uint32_t reserved;
	char agent[SESSION_NAME_SIZE];
	char version[SESSION_VERSION_SIZE];
	char content_version[SESSION_VERSION_SIZE];
	char rule[SESSION_RULE_SIZE];
	char reason[RS_REASON_SIZE_MAX + 1];
	char exe[JOURNAL_TEXT_SIZE]; /* of the target */
	char args[JOURNAL_TEXT_SIZE];
	char boot_id[JOURNAL_BOOT_SIZE]; /* of the kernel that ran */
	char reserved2[388]; /* 0: what undoing later kinds will need */
	uint32_t crc; /* of all before it */
};

_Static_assert(sizeof(struct journal_record) == 2048, "size on disk");

struct journal;

/* Makes what is missing in this folder, as root. Writing: what a power cut left behind the last whole place of a record
 * is cut off. -errno. */
int journal_open(const char *folder, bool writes, struct journal **ret);
struct journal *journal_free(struct journal *journal);

/* A number for the next action. */
uint64_t journal_next_number(struct journal *journal);
/*
 * Fills magic, size, wall_ns, boot_id and crc; the rest is the caller's. 0: it is on disk. -errno: it is not, and the
 * journal is as it was; -EROFS: opened for reading.
 */
int journal_append(struct journal *journal, struct journal_record *record);

/* Where a reader stands: begin with all 0. */
struct journal_cursor {
	bool begun;
	uint32_t file;
	uint64_t at; /* records of this file that are not read yet */
	uint32_t files_left;
	uint64_t damaged; /* places whose record was torn or changed */
};

/* The next older record, the newest first. False: there is none any more. Records that are not whole are counted and
 * left out. Those that are written or rotated away meanwhile may be missed. */
bool journal_read(struct journal *journal, struct journal_cursor *cursor, struct journal_record *ret);
