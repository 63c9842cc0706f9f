/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* Sockets. Addresses come from the kernel's socket when the call succeeded, else from what the process gave. */
#pragma once

#include "hook_sys_exit.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define EINPROGRESS 115
#define UNIX_PATH_SIZE 108

struct user_address { /* sockaddr_in, sockaddr_in6 and sockaddr_un have their families and ports at the same place */
	__u16 family;
	__be16 port;
	__be32 v4_or_flow;
	__u8 v6[16];
	__u32 v6_scope;
};

static __noinline struct sock *sock_of_fd(__u64 fd)
{
	struct file *file = file_of_fd(fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline __u32 sock_protocol(struct sock *sk)
{
	return sk ? BPF_CORE_READ(sk, sk_protocol) : 0;
}

/* The address that the kernel has for one side of a socket. */
static __noinline void part_sock_addr(struct scratch *s, struct sock *sk, bool remote)
{
	struct record_addr *to = part_begin(s, RECORD_PART_ADDR, sizeof(*to));
	if (!to)
		return;
	__builtin_memset(to, 0, sizeof(*to));
	__u32 path_size = 0;
	__u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	to->family = family;
	to->protocol = sock_protocol(sk);
	if (family == AF_INET || family == AF_INET6) {
		to->port = remote ? __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport))
				  : BPF_CORE_READ(sk, __sk_common.skc_num);
		to->scope_id = family == AF_INET6 ? BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if) : 0;
	}
	if (family == AF_INET) {
		__be32 v4 = remote ? BPF_CORE_READ(sk, __sk_common.skc_daddr)
				   : BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(to->bytes, &v4, 4);
	} else if (family == AF_INET6 && remote) {
		BPF_CORE_READ_INTO(&to->bytes, sk, __sk_common.skc_v6_daddr);
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&to->bytes, sk, __sk_common.skc_v6_rcv_saddr);
	} else if (family == AF_UNIX && !remote) {
		struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
		__u32 size = address ? BPF_CORE_READ(address, len) : 0, offset = s->offset;
		const char *name = (const char *)address + bpf_core_field_offset(struct unix_address, name);
		size = size > 2 ? size - 2 : 0;
		BOUNDS_HERE(size);
		if (size <= UNIX_PATH_SIZE && offset <= DATA_SIZE + 256) {
			path_size = size;
			bpf_probe_read_kernel(&s->data[offset], path_size, name + 2);
			s->offset = offset + path_size;
		}
	}
	to->path_size = path_size;
	part_end(s);
}

/* The address as the process gave it. */
static __noinline void part_user_addr(struct scratch *s, struct sock *sk, const void *from, __u32 size)
{
	struct record_addr *to = part_begin(s, RECORD_PART_ADDR, sizeof(*to));
	struct user_address user = {};
	if (!to)
		return;
	__builtin_memset(to, 0, sizeof(*to));
	to->protocol = sock_protocol(sk);
	__u32 most = size > sizeof(user) ? sizeof(user) : size;
	BOUNDS_HERE(most);
	if (most <= sizeof(user))
		bpf_probe_read_user(&user, most, from);
	to->family = user.family;
	if (user.family == AF_INET || user.family == AF_INET6)
		to->port = __builtin_bswap16(user.port);
	if (user.family == AF_INET) {
		__builtin_memcpy(to->bytes, &user.v4_or_flow, 4);
	} else if (user.family == AF_INET6) {
		__builtin_memcpy(to->bytes, user.v6, 16);
		to->scope_id = user.v6_scope;
	} else if (user.family == AF_UNIX && size > 2 && size <= 2 + UNIX_PATH_SIZE) {
		to->path_size = append(s, TEXT_USER_BYTES, (const char *)from + 2, size - 2);
	}
	part_end(s);
}

/* fd, address, size of it: where they are for connect and bind, directly or by socketcall(2). */
static __always_inline int send_address(struct call *call, __u32 slot, bool remote)
{
	bool done = call->result == 0 || (remote && call->result == -EINPROGRESS);
	struct sock *sk = sock_of_fd(call->args[0]);
	__u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	struct scratch *s = record_begin(slot);
	if (!s)
		return 0;
	s->record.numbers[0] = sock_protocol(sk);
	s->record.numbers[1] = call_error(call);
	if (done && (family == AF_INET || family == AF_INET6 || (family == AF_UNIX && !remote)))
		part_sock_addr(s, sk, remote);
	else
		part_user_addr(s, sk, (const void *)call->args[1], call->args[2]);
	record_send(s, false);
	return 0;
}

static __always_inline int send_listen(struct call *call)
{
	struct sock *sk = sock_of_fd(call->args[0]);
	struct scratch *s = record_begin(RECORD_LISTEN);
	if (!s)
		return 0;
	s->record.numbers[0] = (__u32)call->args[1];
	s->record.numbers[1] = call_error(call);
	part_sock_addr(s, sk, false);
	record_send(s, false);
	return 0;
}

static __always_inline int send_accept(struct call *call)
{
	if (call->result < 0)
		return 0;
	struct sock *sk = sock_of_fd(call->result);
	struct scratch *s = record_begin(RECORD_ACCEPT);
	if (!s)
		return 0;
	part_sock_addr(s, sk, false);
	part_sock_addr(s, sk, true);
	record_send(s, false);
	return 0;
}

TRACEPOINT("sys_exit")
int family_connect(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	return send_address(&call, RECORD_CONNECT, true);
}

TRACEPOINT("sys_exit")
int family_bind(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	return send_address(&call, RECORD_BIND, false);
}

TRACEPOINT("sys_exit")
int family_listen(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	return send_listen(&call);
}

TRACEPOINT("sys_exit")
int family_accept(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	return send_accept(&call);
}

/* The old way in, of 32-bit programs: a number and a pointer to the arguments. The variant of its row is a set of what
 * is wanted, one bit a number. */
TRACEPOINT("sys_exit")
int family_socketcall(__u64 *ctx)
{
	struct call call = {};
	__u32 args[3] = {};
	call_read(ctx, &call);
	__u32 number = call.args[0];
	if (number > 18 || bpf_probe_read_user(args, sizeof(args), (const void *)call.args[1]) != 0)
		return 0;
	call.args[0] = args[0];
	call.args[1] = args[1];
	call.args[2] = args[2];
	__u32 wanted = call.row.variant;
	if (number == 2 && (wanted & 1))
		return send_address(&call, RECORD_BIND, false);
	if (number == 3 && (wanted & 2))
		return send_address(&call, RECORD_CONNECT, true);
	if (number == 4 && (wanted & 4))
		return send_listen(&call);
	if ((number == 5 || number == 18) && (wanted & 8))
		return send_accept(&call);
	return 0;
}
