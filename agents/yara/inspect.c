/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/inspect.h"

#include "common/common.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define KEEP_SIZE (4u << 20) /* a larger buffer is given back after use */
#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xff534d42
#define SMB2_MAGIC 0xfe534d42
#define CEPH_MAGIC 0x00c36400
#define CONFIGFS_MAGIC 0x62656570
#define MQUEUE_MAGIC 0x19800202

const char *const inspect_names[INSPECT_N_NAMES] = {"filename", "filepath", "extension"};

struct inspect {
	const struct ruleset *set;
	struct inspect_limits limits;
	YR_SCANNER *scanner;
	uint8_t *buffer;
	size_t room;
	/* of the file at hand */
	struct inspect_result *result;
	bool partial; /* not all of it was looked at */
	bool named; /* a name may have mattered */
	YR_MEMORY_BLOCK blocks[2];
	size_t n_blocks;
	size_t at_block;
	uint64_t file_size;
};

/* File systems whose files are no bytes at rest. */
static const uint64_t of_kernel[] = {PROC_SUPER_MAGIC,   SYSFS_MAGIC,         DEBUGFS_MAGIC,    TRACEFS_MAGIC,
				     CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
				     BPF_FS_MAGIC,       PSTOREFS_MAGIC,      EFIVARFS_MAGIC,   NSFS_MAGIC,
				     DEVPTS_SUPER_MAGIC, BINFMTFS_MAGIC,      CONFIGFS_MAGIC,   MQUEUE_MAGIC};
static const uint64_t remote[] = {FUSE_MAGIC, NFS_SUPER_MAGIC, CIFS_MAGIC, SMB2_MAGIC,      SMB_SUPER_MAGIC,
				  CEPH_MAGIC, AFS_SUPER_MAGIC, V9FS_MAGIC, CODA_SUPER_MAGIC};

static bool is_one_of(uint64_t magic, const uint64_t *magics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (magics[i] == magic)
			return true;
	return false;
}

static void say_match(struct inspect *inspect, const YR_RULE *rule)
{
	struct inspect_result *result = inspect->result;
	const char *words = "matched";
	const YR_META *meta;
	yr_rule_metas_foreach(rule, meta) if (meta->type == META_TYPE_STRING &&
					      strcmp(meta->identifier, "description") == 0) words = meta->string;
	result->outcome = INSPECT_MATCH;
	snprintf(result->rule, sizeof(result->rule), "%s", rule->identifier);
	snprintf(result->reason, sizeof(result->reason), "%.180s (%.60s)", words, rule->ns->name);
}

/* A rule that does not match, of a file that looks at names, might under another name. */
static bool name_matters(const struct inspect *inspect, const YR_SCAN_CONTEXT *context, const YR_RULE *rule)
{
	uint32_t file = rule->ns->idx;
	uint8_t flags = file < RULESET_FILES_MAX ? inspect->set->head.file_flags[file] : RULESET_NAMES;
	if (!(flags & RULESET_NAMES))
		return false;
	return (flags & (RULESET_GUARDED | RULESET_UNGUARDED)) != RULESET_GUARDED ||
	       yr_bitmask_is_not_set(context->ns_unsatisfied_flags, file);
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *message_data, void *data)
{
	struct inspect *inspect = data;
	if (message == CALLBACK_MSG_RULE_MATCHING) {
		say_match(inspect, message_data);
		return CALLBACK_ABORT; /* one is enough */
	}
	if (message == CALLBACK_MSG_RULE_NOT_MATCHING && !inspect->named)
		inspect->named = name_matters(inspect, context, message_data);
	if (message == CALLBACK_MSG_TOO_MANY_MATCHES)
		inspect->partial = true;
	/* a verdict that depends on the time is not one about bytes */
	if (message == CALLBACK_MSG_IMPORT_MODULE &&
	    strcmp(((YR_MODULE_IMPORT *)message_data)->module_name, "time") == 0)
		inspect->named = true;
	return CALLBACK_CONTINUE;
}

static const uint8_t *block_data(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	struct inspect *inspect = iterator->context;
	return inspect->at_block < inspect->n_blocks ? &inspect->blocks[inspect->at_block++] : NULL;
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	((struct inspect *)iterator->context)->at_block = 0;
	return next_block(iterator);
}

static uint64_t file_size(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
	return ((struct inspect *)iterator->context)->file_size;
}

static bool define_names(struct inspect *inspect, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	const char *values[INSPECT_N_NAMES] = {name, path, dot && dot != name ? dot : ""};
	if (!inspect->set->head.uses_names)
		return true;
	for (size_t i = 0; i < INSPECT_N_NAMES; i++) {
		int error = yr_scanner_define_string_variable(inspect->scanner, inspect_names[i], values[i]);
		if (error != ERROR_SUCCESS && error != ERROR_INVALID_ARGUMENT) /* compiled rules need not know all */
			return false;
	}
	return true;
}

/* A scanner is made anew only after an error: what is left in it then is not known. */
static bool have_scanner(struct inspect *inspect)
{
	int flags = SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_REPORT_RULES_MATCHING;
	if (inspect->scanner)
		return true;
	if (yr_scanner_create(inspect->set->rules, &inspect->scanner) != ERROR_SUCCESS) {
		inspect->scanner = NULL;
		return false;
	}
	if (inspect->set->head.uses_names)
		flags |= SCAN_FLAGS_REPORT_RULES_NOT_MATCHING;
	yr_scanner_set_callback(inspect->scanner, on_message, inspect);
	yr_scanner_set_flags(inspect->scanner, flags);
	return true;
}

static void drop_scanner(struct inspect *inspect)
{
	if (inspect->scanner)
		yr_scanner_destroy(inspect->scanner);
	inspect->scanner = NULL;
}

static void give(struct inspect *inspect, enum inspect_outcome outcome, const char *reason)
{
	inspect->result->outcome = outcome;
	snprintf(inspect->result->reason, sizeof(inspect->result->reason), "%s", reason);
}

static void scan_blocks(struct inspect *inspect, const char *path, uint64_t stop_ns)
{
	YR_MEMORY_BLOCK_ITERATOR iterator = {
		.context = inspect, .first = first_block, .next = next_block, .file_size = file_size};
	if (!have_scanner(inspect) || !define_names(inspect, path)) {
		drop_scanner(inspect);
		give(inspect, INSPECT_FAILED, "no memory");
		return;
	}
	uint64_t now = now_ns();
	if (now >= stop_ns) {
		give(inspect, INSPECT_NO_TIME, "read, and not scanned in time");
		return;
	}
	/* its own call takes whole seconds */
	inspect->scanner->timeout = stop_ns - now;
	inspect->result->outcome = INSPECT_CLEAN;
	int error = yr_scanner_scan_mem_blocks(inspect->scanner, &iterator);
	if (error == ERROR_SUCCESS)
		return;
	give(inspect, error == ERROR_SCAN_TIMEOUT ? INSPECT_NO_TIME : INSPECT_FAILED, ruleset_error_text(error));
	drop_scanner(inspect);
}

static void set_block(struct inspect *inspect, uint8_t *bytes, size_t size, uint64_t base)
{
	inspect->blocks[inspect->n_blocks++] =
		(YR_MEMORY_BLOCK){.size = size, .base = base, .context = bytes, .fetch_data = block_data};
	inspect->result->bytes += size;
}

static bool have_room(struct inspect *inspect, size_t size)
{
	if (size <= inspect->room)
		return true;
	if (inspect->buffer)
		munmap(inspect->buffer, inspect->room);
	inspect->room = 0;
	inspect->buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (inspect->buffer == MAP_FAILED) {
		inspect->buffer = NULL;
		return false;
	}
	inspect->room = size;
	return true;
}

/* How many bytes there were; -ETIME; -errno. */
static ssize_t read_part(const struct inspect_job *job, uint8_t *buffer, size_t size, uint64_t offset)
{
	size_t done = 0;
	while (done < size) {
		if (now_ns() >= job->stop_ns)
			return -ETIME;
		ssize_t n = pread(job->fd, buffer + done, MIN(size - done, (size_t)INSPECT_SLICE_SIZE),
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Puts the file, or both ends of it, into blocks. 0, -ENOMEM, -ETIME or -errno of pread(2). */
static int read_blocks(struct inspect *inspect, const struct inspect_job *job, uint64_t size)
{
	bool ends = size > inspect->limits.size_max_bytes;
	uint64_t first = ends ? MIN(inspect->limits.ends_bytes, size) : size,
		 last = ends ? MIN(first, size - first) : 0;
	inspect->n_blocks = 0;
	inspect->partial |= ends;
	inspect->file_size = size;
	if (!have_room(inspect, MAX((size_t)(first + last), (size_t)INSPECT_SLICE_SIZE)))
		return -ENOMEM;
	ssize_t n = read_part(job, inspect->buffer, (size_t)first, 0);
	if (n < 0)
		return (int)n;
	set_block(inspect, inspect->buffer, (size_t)n, 0);
	if (last == 0)
		return 0;
	n = read_part(job, inspect->buffer + first, (size_t)last, size - last);
	if (n > 0)
		set_block(inspect, inspect->buffer + first, (size_t)n, size - last);
	return n < 0 ? (int)n : 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* True when it is to be read again. */
static bool look_once(struct inspect *inspect, const struct inspect_job *job, struct stat *status)
{
	struct stat before = *status;
	int r = read_blocks(inspect, job, (uint64_t)before.st_size);
	if (r < 0) {
		give(inspect,
		     r == -ETIME    ? INSPECT_NO_TIME
		     : r == -ENOMEM ? INSPECT_FAILED
				    : INSPECT_READ_ERROR,
		     r == -ETIME ? "not read in time" : strerror(-r));
		return false;
	}
	scan_blocks(inspect, job->path, job->stop_ns);
	/* what matched has been there, whatever comes after */
	if (inspect->result->outcome != INSPECT_CLEAN)
		return false;
	if (fstat(job->fd, status) < 0) {
		give(inspect, INSPECT_READ_ERROR, strerror(errno));
		return false;
	}
	return !is_same(&before, status);
}

static void look(struct inspect *inspect, const struct inspect_job *job, struct stat *status)
{
	unsigned tries = 0;
	while (look_once(inspect, job, status))
		if (tries++ == INSPECT_RETRIES_MAX) {
			give(inspect, INSPECT_CHANGING, "changed each time it was read");
			return;
		}
	if (inspect->result->outcome == INSPECT_CLEAN && (uint64_t)status->st_size > inspect->limits.size_max_bytes)
		give(inspect, INSPECT_TOO_LARGE, "only its ends were looked at");
}

/* Decides what needs no bytes. True when it did. */
static bool by_kind(struct inspect *inspect, const struct inspect_job *job, struct stat *status)
{
	struct statfs fs;
	if (fstat(job->fd, status) < 0)
		give(inspect, INSPECT_READ_ERROR, strerror(errno));
	else if (!S_ISREG(status->st_mode))
		give(inspect, INSPECT_SPECIAL, "not a regular file");
	else if (fstatfs(job->fd, &fs) < 0)
		give(inspect, INSPECT_READ_ERROR, strerror(errno));
	else if (is_one_of((uint64_t)fs.f_type, of_kernel, ARRAY_SIZE(of_kernel)))
		give(inspect, INSPECT_SPECIAL, "on a file system of the kernel");
	else if (inspect->limits.remote == INSPECT_REMOTE_SKIP &&
		 is_one_of((uint64_t)fs.f_type, remote, ARRAY_SIZE(remote)))
		give(inspect, INSPECT_REMOTE, "on a network or FUSE file system");
	else if ((uint64_t)status->st_size > inspect->limits.size_max_bytes &&
		 inspect->limits.over_size == INSPECT_OVER_SKIP)
		give(inspect, INSPECT_TOO_LARGE, "larger than --max-size");
	else
		return false;
	return true;
}

int inspect_new(const struct ruleset *set, const struct inspect_limits *limits, struct inspect **ret)
{
	struct inspect *inspect = calloc(1, sizeof(*inspect));
	if (!inspect)
		return -ENOMEM;
	inspect->set = set;
	inspect->limits = *limits;
	*ret = inspect;
	return 0;
}

struct inspect *inspect_free(struct inspect *inspect)
{
	if (!inspect)
		return NULL;
	drop_scanner(inspect);
	if (inspect->buffer)
		munmap(inspect->buffer, inspect->room);
	free(inspect);
	return NULL;
}

static void begin(struct inspect *inspect, struct inspect_result *result)
{
	*result = (struct inspect_result){0};
	inspect->result = result;
	inspect->partial = inspect->named = false;
	inspect->n_blocks = 0;
}

void inspect_file(struct inspect *inspect, const struct inspect_job *job, struct inspect_result *ret)
{
	struct stat status;
	begin(inspect, ret);
	if (!by_kind(inspect, job, &status))
		look(inspect, job, &status);
	ret->by_bytes = ret->outcome == INSPECT_SPECIAL ||
			(ret->outcome == INSPECT_CLEAN && !inspect->partial && !inspect->named);
	if (inspect->room > KEEP_SIZE) {
		munmap(inspect->buffer, inspect->room);
		inspect->buffer = NULL;
		inspect->room = 0;
	}
	inspect->result = NULL;
}

void inspect_bytes(struct inspect *inspect, const void *bytes, size_t size, const char *path, uint64_t stop_ns,
		   struct inspect_result *ret)
{
	union {
		const void *in;
		uint8_t *out;
	} pointer = {.in = bytes}; /* libyara does not change them */
	begin(inspect, ret);
	inspect->file_size = size;
	set_block(inspect, pointer.out, size, 0);
	scan_blocks(inspect, path, stop_ns);
	ret->by_bytes = ret->outcome == INSPECT_CLEAN && !inspect->partial && !inspect->named;
	inspect->result = NULL;
}
