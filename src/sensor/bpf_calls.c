/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_calls.h"

#include "base/macro.h"

#include <string.h>

#define CWD RECORD_CALL_CWD
#define FD RECORD_CALL_FD

/* The numbers of system calls never change. Both entries of x86-64 are written out: a program can take either. */
#define CREDENTIALS(X) \
	X(0, setuid, 105, 213) \
	X(1, setgid, 106, 214) \
	X(2, setreuid, 113, 203) \
	X(3, setregid, 114, 204) \
	X(4, setgroups, 116, 206) \
	X(5, setresuid, 117, 208) \
	X(6, setresgid, 119, 210) \
	X(7, setfsuid, 122, 215) \
	X(8, setfsgid, 123, 216) \
	X(9, capset, 126, 185) \
	/* the 32-bit entry has each a second time, with 16-bit ids */ \
	X(10, setuid, -1, 23) \
	X(11, setgid, -1, 46) \
	X(12, setreuid, -1, 70) \
	X(13, setregid, -1, 71) \
	X(14, setgroups, -1, 81) \
	X(15, setresuid, -1, 164) \
	X(16, setresgid, -1, 170) \
	X(17, setfsuid, -1, 138) \
	X(18, setfsgid, -1, 139)

const struct bpf_call bpf_calls[] = {
/* native, compat, family, dir, path, variant, type */
#define X(variant, name, native, compat) \
	{native, compat, RECORD_FAMILY_CREDENTIALS, CWD, 0, variant, RS_EVENT_CREDENTIALS},
	CREDENTIALS(X)
#undef X
		{272, 310, RECORD_FAMILY_NAMESPACE, CWD, 0, 0, RS_EVENT_NAMESPACE}, /* unshare */
	{308, 346, RECORD_FAMILY_NAMESPACE, CWD, 0, 1, RS_EVENT_NAMESPACE}, /* setns */
	{56, 120, RECORD_FAMILY_NAMESPACE, CWD, 0, 2, RS_EVENT_NAMESPACE}, /* clone */
	{435, 435, RECORD_FAMILY_NAMESPACE, CWD, 0, 3, RS_EVENT_NAMESPACE}, /* clone3 */
	{101, 26, RECORD_FAMILY_PTRACE, CWD, 0, 0, RS_EVENT_PTRACE},
	{311, 348, RECORD_FAMILY_MEMORY_WRITE, CWD, 0, 0, RS_EVENT_MEMORY_WRITE}, /* process_vm_writev */

	{2, 5, RECORD_FAMILY_OPEN, CWD, 0, 0, RS_EVENT_CREATE}, /* open */
	{85, 8, RECORD_FAMILY_OPEN, CWD, 0, 0, RS_EVENT_CREATE}, /* creat */
	{257, 295, RECORD_FAMILY_OPEN, 0, 1, 0, RS_EVENT_CREATE}, /* openat */
	{437, 437, RECORD_FAMILY_OPEN, 0, 1, 0, RS_EVENT_CREATE}, /* openat2 */
	{304, 342, RECORD_FAMILY_OPEN, CWD, 0, 0, RS_EVENT_CREATE}, /* open_by_handle_at */
	{83, 39, RECORD_FAMILY_CREATE, CWD, 0, 0, RS_EVENT_CREATE}, /* mkdir */
	{258, 296, RECORD_FAMILY_CREATE, 0, 1, 0, RS_EVENT_CREATE}, /* mkdirat */
	{133, 14, RECORD_FAMILY_CREATE, CWD, 0, 0, RS_EVENT_CREATE}, /* mknod */
	{259, 297, RECORD_FAMILY_CREATE, 0, 1, 0, RS_EVENT_CREATE}, /* mknodat */
	{88, 83, RECORD_FAMILY_CREATE, CWD, 1, 1, RS_EVENT_CREATE}, /* symlink */
	{266, 304, RECORD_FAMILY_CREATE, 1, 2, 1, RS_EVENT_CREATE}, /* symlinkat */
	{86, 9, RECORD_FAMILY_CREATE, CWD, 0, 2, RS_EVENT_LINK}, /* link */
	{265, 303, RECORD_FAMILY_CREATE, 0, 1, 3, RS_EVENT_LINK}, /* linkat */
	{87, 10, RECORD_FAMILY_UNLINK, CWD, 0, 0, RS_EVENT_UNLINK}, /* unlink */
	{84, 40, RECORD_FAMILY_UNLINK, CWD, 0, 0, RS_EVENT_UNLINK}, /* rmdir */
	{263, 301, RECORD_FAMILY_UNLINK, 0, 1, 0, RS_EVENT_UNLINK}, /* unlinkat */
	{82, 38, RECORD_FAMILY_RENAME, CWD, 0, 0, RS_EVENT_RENAME}, /* rename */
	{264, 302, RECORD_FAMILY_RENAME, 0, 1, 0, RS_EVENT_RENAME}, /* renameat */
	{316, 353, RECORD_FAMILY_RENAME, 0, 1, 1, RS_EVENT_RENAME}, /* renameat2 */
	{76, 92, RECORD_FAMILY_TRUNCATE, CWD, 0, 0, RS_EVENT_TRUNCATE},
	{77, 93, RECORD_FAMILY_TRUNCATE, FD, 0, 0, RS_EVENT_TRUNCATE}, /* ftruncate */
	{-1, 193, RECORD_FAMILY_TRUNCATE, CWD, 0, 1, RS_EVENT_TRUNCATE}, /* truncate64 */
	{-1, 194, RECORD_FAMILY_TRUNCATE, FD, 0, 1, RS_EVENT_TRUNCATE}, /* ftruncate64 */
	{90, 15, RECORD_FAMILY_MODE, CWD, 0, 0, RS_EVENT_MODE}, /* chmod */
	{91, 94, RECORD_FAMILY_MODE, FD, 0, 0, RS_EVENT_MODE}, /* fchmod */
	{268, 306, RECORD_FAMILY_MODE, 0, 1, 0, RS_EVENT_MODE}, /* fchmodat */
	{452, 452, RECORD_FAMILY_MODE, 0, 1, 0, RS_EVENT_MODE}, /* fchmodat2 */
	{92, 212, RECORD_FAMILY_OWNER, CWD, 0, 0, RS_EVENT_OWNER}, /* chown */
	{93, 207, RECORD_FAMILY_OWNER, FD, 0, 0, RS_EVENT_OWNER}, /* fchown */
	{94, 198, RECORD_FAMILY_OWNER, CWD, 0, 0, RS_EVENT_OWNER}, /* lchown */
	{260, 298, RECORD_FAMILY_OWNER, 0, 1, 0, RS_EVENT_OWNER}, /* fchownat */
	{-1, 182, RECORD_FAMILY_OWNER, CWD, 0, 1, RS_EVENT_OWNER}, /* the same with 16-bit ids */
	{-1, 95, RECORD_FAMILY_OWNER, FD, 0, 1, RS_EVENT_OWNER},
	{-1, 16, RECORD_FAMILY_OWNER, CWD, 0, 1, RS_EVENT_OWNER},
	{188, 226, RECORD_FAMILY_XATTR, CWD, 0, 0, RS_EVENT_XATTR}, /* setxattr */
	{189, 227, RECORD_FAMILY_XATTR, CWD, 0, 0, RS_EVENT_XATTR}, /* lsetxattr */
	{190, 228, RECORD_FAMILY_XATTR, FD, 0, 0, RS_EVENT_XATTR}, /* fsetxattr */
	{197, 235, RECORD_FAMILY_XATTR, CWD, 0, 1, RS_EVENT_XATTR}, /* removexattr */
	{198, 236, RECORD_FAMILY_XATTR, CWD, 0, 1, RS_EVENT_XATTR}, /* lremovexattr */
	{199, 237, RECORD_FAMILY_XATTR, FD, 0, 1, RS_EVENT_XATTR}, /* fremovexattr */
	{463, 463, RECORD_FAMILY_XATTR, 0, 1, 2, RS_EVENT_XATTR}, /* setxattrat */
	{466, 466, RECORD_FAMILY_XATTR, 0, 1, 3, RS_EVENT_XATTR}, /* removexattrat */

	{9, 192, RECORD_FAMILY_MMAP, CWD, 0, 0, RS_EVENT_MAP_EXEC},
	{-1, 90, RECORD_FAMILY_MMAP, CWD, 0, 1, RS_EVENT_MAP_EXEC},
	{10, 125, RECORD_FAMILY_MPROTECT, CWD, 0, 0, RS_EVENT_PROTECT_EXEC},
	{329, 380, RECORD_FAMILY_MPROTECT, CWD, 0, 0, RS_EVENT_PROTECT_EXEC}, /* pkey_mprotect */
	{319, 356, RECORD_FAMILY_MEMFD, CWD, 0, 0, RS_EVENT_MEMFD},

	{42, 362, RECORD_FAMILY_CONNECT, CWD, 0, 0, RS_EVENT_CONNECT},
	{49, 361, RECORD_FAMILY_BIND, CWD, 0, 0, RS_EVENT_BIND},
	{50, 363, RECORD_FAMILY_LISTEN, CWD, 0, 0, RS_EVENT_LISTEN},
	{43, -1, RECORD_FAMILY_ACCEPT, CWD, 0, 0, RS_EVENT_ACCEPT},
	{288, 364, RECORD_FAMILY_ACCEPT, CWD, 0, 0, RS_EVENT_ACCEPT}, /* accept4 */
	/* one call for all, of which a variant's bit is one; see family_socketcall() */
	{-1, 102, RECORD_FAMILY_SOCKETCALL, CWD, 0, 1, RS_EVENT_BIND},
	{-1, 102, RECORD_FAMILY_SOCKETCALL, CWD, 0, 2, RS_EVENT_CONNECT},
	{-1, 102, RECORD_FAMILY_SOCKETCALL, CWD, 0, 4, RS_EVENT_LISTEN},
	{-1, 102, RECORD_FAMILY_SOCKETCALL, CWD, 0, 8, RS_EVENT_ACCEPT},
	{44, 369, RECORD_FAMILY_DNS_SEND, CWD, 0, 0, RS_EVENT_DNS_QUESTION}, /* sendto */
	{1, 4, RECORD_FAMILY_DNS_SEND, CWD, 0, 1, RS_EVENT_DNS_QUESTION}, /* write */
	{20, 146, RECORD_FAMILY_DNS_SEND, CWD, 0, 2, RS_EVENT_DNS_QUESTION}, /* writev */
	{46, 370, RECORD_FAMILY_DNS_MESSAGE, CWD, 0, 3, RS_EVENT_DNS_QUESTION}, /* sendmsg */
	{307, 345, RECORD_FAMILY_DNS_MESSAGE, CWD, 0, 4, RS_EVENT_DNS_QUESTION}, /* sendmmsg */

	{175, 128, RECORD_FAMILY_MODULE, CWD, 0, 0, RS_EVENT_MODULE_LOAD}, /* init_module */
	{313, 350, RECORD_FAMILY_MODULE, CWD, 0, 1, RS_EVENT_MODULE_LOAD}, /* finit_module */
	{321, 357, RECORD_FAMILY_BPF, CWD, 0, 0, RS_EVENT_BPF_LOAD},
	{246, 283, RECORD_FAMILY_KEXEC, CWD, 0, 0, RS_EVENT_KEXEC}, /* kexec_load */
	{320, -1, RECORD_FAMILY_KEXEC, CWD, 0, 0, RS_EVENT_KEXEC}, /* kexec_file_load */
	{165, 21, RECORD_FAMILY_MOUNT, CWD, 1, 0, RS_EVENT_MOUNT},
	{429, 429, RECORD_FAMILY_MOUNT, 2, 3, 1, RS_EVENT_MOUNT}, /* move_mount */
	{166, 52, RECORD_FAMILY_UNMOUNT, CWD, 0, 0, RS_EVENT_UNMOUNT},
	{-1, 22, RECORD_FAMILY_UNMOUNT, CWD, 0, 1, RS_EVENT_UNMOUNT}, /* umount without flags */
};
const size_t bpf_n_calls = ARRAY_SIZE(bpf_calls);

const char *bpf_calls_credentials_name(uint64_t variant)
{
	static const char *const names[] = {
#define X(number, name, native, compat) [number] = #name,
		CREDENTIALS(X)
#undef X
	};
	return variant < ARRAY_SIZE(names) ? names[variant] : "";
}

const char *bpf_calls_namespace_name(uint64_t variant)
{
	static const char *const names[] = {"unshare", "setns", "clone", "clone3"};
	return variant < ARRAY_SIZE(names) ? names[variant] : "";
}

static void add(struct record_call *to, const struct bpf_call *row)
{
	/* rows of one number (socketcall) differ in their variant only */
	uint8_t variant = to->family == RECORD_FAMILY_SOCKETCALL ? to->variant | row->variant : row->variant;
	*to = (struct record_call){.family = row->family, .dir = row->dir, .path = row->path, .variant = variant};
}

size_t bpf_calls_want(const struct session_event_set *types, uint64_t loaded, struct record_calls *to)
{
	struct record_calls rows[RECORD_CALLS_MAX] = {0};
	size_t n = 0;
	for (size_t i = 0; i < bpf_n_calls; i++) {
		const struct bpf_call *row = &bpf_calls[i];
		if (!(loaded >> row->family & 1) || !session_set_has(types, row->type))
			continue;
		if (row->native >= 0)
			add(&rows[row->native].native, row);
		if (row->compat >= 0)
			add(&rows[row->compat].compat, row);
		n++;
	}
	for (size_t i = 0; i < RECORD_CALLS_MAX; i++) {
		uint64_t word;
		memcpy(&word, &rows[i], sizeof(word));
		__atomic_store_n((uint64_t *)(void *)&to[i], word, __ATOMIC_RELAXED);
	}
	return n;
}
