/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* Bytes sent to port 53: send, sendto, write, writev, sendmsg, sendmmsg. parts: ADDR server, TEXT packet. numbers: 1
 * for a stream (the packet has two bytes of length before it). The sensor takes the question out. */
#pragma once

#include "family_network.h"

#define DNS_PORT 53
#define DNS_SIZE_MIN 17 /* a head and the question for the root */
#define IPPROTO_TCP 6
#define MESSAGES_MAX 4 /* of one sendmmsg; a resolver sends two */

enum dns_variant {
	DNS_BUFFER, /* fd, buffer, size, flags, address, size of it */
	DNS_WRITE, /* fd, buffer, size */
	DNS_VECTOR, /* fd, vector */
	DNS_MESSAGE,
	DNS_MESSAGES,
};

struct user_message { /* struct msghdr of 64-bit programs */
	__u64 address;
	__u32 address_size, pad;
	__u64 vector;
	__u64 n_vector;
	__u64 control, control_size, flags;
};

struct user_messages { /* struct mmsghdr */
	struct user_message message;
	__u32 sent, pad;
};

struct compat_message {
	__u32 address, address_size, vector, n_vector, control, control_size, flags;
};

struct compat_messages {
	struct compat_message message;
	__u32 sent;
};

struct compat_vector {
	__u32 base, size;
};

struct user_vector {
	__u64 base, size;
};

/* What one packet is sent from and to. */
struct packet {
	__u64 address, bytes;
	__u32 address_size;
	__u64 size;
};

static __noinline int dns_send(struct sock *sk, struct packet *packet)
{
	struct user_address to = {};
	if (!packet || packet->size < DNS_SIZE_MIN)
		return 0;
	__u32 size = packet->size > RECORD_DNS_MAX ? RECORD_DNS_MAX : packet->size;
	bool connected = BPF_CORE_READ(sk, __sk_common.skc_dport) != 0;
	if (packet->address)
		bpf_probe_read_user(&to, 4, (const void *)packet->address);
	else if (connected)
		to.port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (to.port != __builtin_bswap16(DNS_PORT))
		return 0;
	struct scratch *s = record_begin(RECORD_DNS_QUESTION);
	if (!s)
		return 0;
	s->record.numbers[0] = sock_protocol(sk) == IPPROTO_TCP;
	if (packet->address)
		part_user_addr(s, sk, (const void *)packet->address, packet->address_size);
	else
		part_sock_addr(s, sk, true);
	part_text(s, TEXT_USER_BYTES, (const void *)packet->bytes, size);
	record_send(s, false);
	return 0;
}

static __noinline int vector_read(struct packet *packet, __u64 at, bool compat)
{
	struct user_vector vector = {};
	struct compat_vector small = {};
	if (!packet)
		return 0;
	if (compat) {
		bpf_probe_read_user(&small, sizeof(small), (const void *)at);
		packet->bytes = small.base;
		packet->size = small.size;
	} else {
		bpf_probe_read_user(&vector, sizeof(vector), (const void *)at);
		packet->bytes = vector.base;
		packet->size = vector.size;
	}
	return 0;
}

static __noinline int message_read(struct packet *packet, __u64 at, bool compat)
{
	struct user_message message = {};
	struct compat_message small = {};
	if (!packet)
		return 0;
	if (compat) {
		bpf_probe_read_user(&small, sizeof(small), (const void *)at);
		packet->address = small.address;
		packet->address_size = small.address_size;
		message.vector = small.vector;
	} else {
		bpf_probe_read_user(&message, sizeof(message), (const void *)at);
		packet->address = message.address;
		packet->address_size = message.address_size;
	}
	return vector_read(packet, message.vector, compat);
}

TRACEPOINT("sys_exit")
int family_dns_send(__u64 *ctx)
{
	struct call call = {};
	struct packet packet = {};
	/* every write passes here */
	if ((__s32)ctx[1] < DNS_SIZE_MIN || (__s32)ctx[1] > 65536)
		return 0;
	call_read(ctx, &call);
	struct sock *sk = sock_of_fd(call.args[0]);
	if (!sk)
		return 0;
	if (call.row.variant == DNS_VECTOR) {
		vector_read(&packet, call.args[1], call.compat);
	} else {
		packet.bytes = call.args[1];
		packet.size = call.result;
	}
	if (call.row.variant == DNS_BUFFER) {
		packet.address = call.args[4];
		packet.address_size = call.args[5];
	}
	return dns_send(sk, &packet);
}

struct messages {
	struct sock *sk;
	__u64 at;
	__u32 step;
	bool compat;
};

/* Called for each message, so that the verifier sees it once. */
static long dns_each(__u32 i, struct messages *messages)
{
	struct packet packet = {};
	message_read(&packet, messages->at + i * messages->step, messages->compat);
	dns_send(messages->sk, &packet);
	return 0;
}

TRACEPOINT("sys_exit")
int family_dns_message(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result <= 0)
		return 0;
	struct messages messages = {.sk = sock_of_fd(call.args[0]), .at = call.args[1], .compat = call.compat};
	if (!messages.sk)
		return 0;
	__u32 n = call.row.variant == DNS_MESSAGES ? call.result : 1;
	messages.step = call.compat ? sizeof(struct compat_messages) : sizeof(struct user_messages);
	bpf_loop(n > MESSAGES_MAX ? MESSAGES_MAX : n, dns_each, &messages, 0);
	return 0;
}
