/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes that no SDK would make. What the platform must do is the same for all: count a protocol error, end this
 * session, keep no descriptor, and let nobody else notice.
 */
#include "common/common.h"
#include "hostile/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define REFUSE "end the session, count a protocol error"

struct datagram {
	size_t size;
	union {
		struct raw_head head;
		struct raw_hello hello;
		char bytes[200000];
	};
};

static void as_it_is(struct datagram *datagram)
{
}

static void too_short(struct datagram *datagram)
{
	datagram->size -= 1;
}

static void head_only(struct datagram *datagram)
{
	datagram->size = sizeof(datagram->head);
	datagram->head.size = sizeof(datagram->head);
}

static void half_a_head(struct datagram *datagram)
{
	datagram->size = sizeof(datagram->head) / 2;
}

static void too_long(struct datagram *datagram)
{
	datagram->size += 8;
	datagram->head.size += 8;
}

static void huge(struct datagram *datagram)
{
	datagram->size = sizeof(datagram->bytes);
	datagram->head.size = sizeof(datagram->bytes);
}

static void empty(struct datagram *datagram)
{
	datagram->size = 0;
}

static void size_small(struct datagram *datagram)
{
	datagram->head.size = 16;
}

static void size_huge(struct datagram *datagram)
{
	datagram->head.size = UINT32_MAX;
}

static void reserved(struct datagram *datagram)
{
	datagram->head.reserved = 1;
}

static void unterminated(struct datagram *datagram)
{
	memset(datagram->hello.version, 'v', sizeof(datagram->hello.version));
}

static void padded_with_garbage(struct datagram *datagram)
{
	memset(datagram->hello.version + 10, 'g', 10);
}

static void contract_none(struct datagram *datagram)
{
	datagram->hello.contract_lowest = datagram->hello.contract_highest = 0;
}

static void contract_future(struct datagram *datagram)
{
	datagram->hello.contract_lowest = datagram->hello.contract_highest = 99;
}

static void contract_reversed(struct datagram *datagram)
{
	datagram->hello.contract_lowest = 9;
	datagram->hello.contract_highest = 1;
}

static void type_unknown(struct datagram *datagram)
{
	datagram->head.type = 999;
}

static void type_zero(struct datagram *datagram)
{
	datagram->head.type = 0;
}

static void garbage(struct datagram *datagram)
{
	if (getrandom(datagram->bytes, 1000, 0) != 1000)
		datagram->bytes[0] = 0x55;
	datagram->size = 1000;
}

static void ready_first(struct datagram *datagram)
{
	datagram->head.type = RAW_READY;
	datagram->size = datagram->head.size = sizeof(struct raw_head);
}

static void subscribe_first(struct datagram *datagram)
{
	struct raw_subscribe message = {.head = {.size = sizeof(message), .type = RAW_SUBSCRIBE, .request = 1}};
	message.events.words[2] = 1u << 23;
	memcpy(datagram->bytes, &message, sizeof(message));
	datagram->size = sizeof(message);
}

static void answer_first(struct datagram *datagram)
{
	struct raw_answer message = {.head = {.size = sizeof(message), .type = RAW_ANSWER, .request = 1},
				     .verdict = RAW_DENY};
	memcpy(datagram->bytes, &message, sizeof(message));
	datagram->size = sizeof(message);
}

static void (*const spoilers[])(struct datagram *) = {
	as_it_is,      too_short,       head_only,         half_a_head,  too_long,     huge,
	empty,         size_small,      size_huge,         reserved,     unterminated, padded_with_garbage,
	contract_none, contract_future, contract_reversed, type_unknown, type_zero,    garbage,
	ready_first,   subscribe_first, answer_first,
};

static int spoiled(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	static struct datagram datagram;
	datagram.hello = raw_good_hello();
	datagram.size = sizeof(datagram.hello);
	spoilers[mode->number](&datagram);
	int r = raw_send(raw, datagram.bytes, datagram.size, NULL, 0);
	if (r < 0)
		say("%s: the kernel did not take it: %s", mode->name, strerror(-r));
	return mode_report(raw, mode);
}

static int twice(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int r = raw_hello(raw);
	if (r < 0)
		return r;
	struct raw_hello hello = raw_good_hello();
	raw_send(raw, &hello, sizeof(hello), NULL, 0);
	return mode_report(raw, mode);
}

/* A good HELLO with descriptors nobody wants. */
static int with_fds(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int fds[253];
	struct raw_hello hello = raw_good_hello();
	_cleanup_(closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < mode->number; i++)
		fds[i] = fd;
	int r = raw_send(raw, &hello, sizeof(hello), fds, (size_t)mode->number);
	if (r < 0)
		say("%s: the kernel did not take it: %s", mode->name, strerror(-r));
	return mode_report(raw, mode);
}

static int then_close(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	struct raw_hello hello = raw_good_hello();
	raw_send(raw, &hello, sizeof(hello), NULL, 0);
	return -EPIPE;
}

static int close_at_once(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	return -EPIPE;
}

/* A hundred thousand good handshakes in one session. */
static int flood(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	struct raw_hello hello = raw_good_hello();
	for (int i = 0; i < 100000; i++)
		if (raw_send(raw, &hello, sizeof(hello), NULL, 0) < 0)
			return -EPIPE;
	return mode_report(raw, mode);
}

const struct mode modes_handshake[] = {
	{"hello-short", MODE_CONNECTED, spoiled, "a HELLO without its last byte", REFUSE, 1},
	{"hello-head-only", MODE_CONNECTED, spoiled, "a HELLO that is only its head", REFUSE, 2},
	{"hello-half-head", MODE_CONNECTED, spoiled, "eight bytes", REFUSE, 3},
	{"hello-long", MODE_CONNECTED, spoiled, "a HELLO of 8 bytes more", "take it: a newer SDK may say more", 4},
	{"hello-huge", MODE_CONNECTED, spoiled, "a HELLO of 200,000 bytes", REFUSE, 5},
	{"hello-empty", MODE_CONNECTED, spoiled, "a datagram of no bytes", REFUSE, 6},
	{"hello-size-small", MODE_CONNECTED, spoiled, "a HELLO that says it has 16 bytes", REFUSE, 7},
	{"hello-size-huge", MODE_CONNECTED, spoiled, "a HELLO that says it has 4 GB", REFUSE, 8},
	{"hello-reserved", MODE_CONNECTED, spoiled, "a HELLO with a reserved field set", REFUSE, 9},
	{"hello-unterminated", MODE_CONNECTED, spoiled, "a version that does not end", REFUSE, 10},
	{"hello-padding", MODE_CONNECTED, spoiled, "a version with garbage behind its end", REFUSE, 11},
	{"hello-contract-none", MODE_CONNECTED, spoiled, "contract 0", "say which it speaks, and " REFUSE, 12},
	{"hello-contract-future", MODE_CONNECTED, spoiled, "contract 99", "say which it speaks, and end the session",
	 13},
	{"hello-contract-reversed", MODE_CONNECTED, spoiled, "contracts from 9 to 1", REFUSE, 14},
	{"hello-type-unknown", MODE_CONNECTED, spoiled, "a message of type 999", REFUSE, 15},
	{"hello-type-zero", MODE_CONNECTED, spoiled, "a message of type 0", REFUSE, 16},
	{"hello-garbage", MODE_CONNECTED, spoiled, "1,000 random bytes", REFUSE, 17},
	{"ready-first", MODE_CONNECTED, spoiled, "READY before HELLO", REFUSE, 18},
	{"subscribe-first", MODE_CONNECTED, spoiled, "SUBSCRIBE before HELLO", REFUSE, 19},
	{"answer-first", MODE_CONNECTED, spoiled, "ANSWER before HELLO", REFUSE, 20},
	{"hello-twice", MODE_CONNECTED, twice, "a second HELLO", REFUSE, 0},
	{"hello-with-fds", MODE_CONNECTED, with_fds, "a HELLO with 8 descriptors", "throw the descriptors away", 8},
	{"hello-with-many-fds", MODE_CONNECTED, with_fds, "a HELLO with 253 descriptors", "throw the descriptors away",
	 253},
	{"hello-flood", MODE_CONNECTED, flood, "a hundred thousand HELLOs", REFUSE, 0},
	{"hello-then-close", MODE_CONNECTED, then_close, "hangs up before WELCOME", "free what it kept for it", 0},
	{"close-at-once", MODE_CONNECTED, close_at_once, "hangs up without a word", "free what it kept for it", 0},
	{"silent", MODE_CONNECTED, mode_hang, "never says HELLO", "wait for it without cost; ask it nothing", 0},
};
const size_t n_modes_handshake = ARRAY_SIZE(modes_handshake);
