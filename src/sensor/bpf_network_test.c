/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: each operation, done for real by a child in a network of its own, and the event that it makes. */
#include "base/fd.h"
#include "sensor/bpf_test_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define UNIX_PATH "/tmp/bpf_network_test.socket"
#define PORT 5300

static const struct rs_event *nth(const struct world *world, uint16_t type, size_t n)
{
	const struct rs_event *event = world_find(world, type, world->child, n);
	assert_non_null(event);
	return event;
}

/* An empty network: only its loopback, up. */
static void own_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	CHILD_EXPECT(unshare(CLONE_NEWNET) == 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHILD_EXPECT(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	close(fd);
}

static struct sockaddr_in v4(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void expect_v4(const struct rs_addr *addr, uint16_t port)
{
	assert_int_equal(addr->family, AF_INET);
	assert_int_equal(addr->port, port);
	assert_memory_equal(addr->bytes, "\x7f\0\0\1", 4);
}

static void do_tcp(void *data)
{
	uint16_t *port = data;
	own_network();
	struct sockaddr_in address = v4(PORT), peer;
	socklen_t size = sizeof(peer);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHILD_EXPECT(bind(server, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(listen(server, 17) == 0);
	CHILD_EXPECT(connect(client, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(accept(server, (void *)&peer, &size) >= 0);
	*port = ntohs(peer.sin_port);
	/* the kernel chooses the port */
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_port = 0;
	CHILD_EXPECT(bind(other, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(getsockname(other, (void *)&peer, &size) == 0);
	port[1] = ntohs(peer.sin_port);
	/* nobody listens there: an attempt */
	address.sin_port = htons(1);
	CHILD_EXPECT(connect(other, (void *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED);
	CHILD_EXPECT(connect(-1, (void *)&address, sizeof(address)) < 0);
}

static void test_tcp(void **state)
{
	struct world *world = *state;
	uint16_t *port = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	world_run(world, do_tcp, port);
	const struct rs_event *event = nth(world, RS_EVENT_BIND, 0);
	expect_v4(&rs_event_bind(event)->local, PORT);
	assert_int_equal(rs_event_bind(event)->protocol, IPPROTO_TCP);
	assert_int_equal(rs_event_bind(event)->error, 0);
	expect_v4(&rs_event_bind(nth(world, RS_EVENT_BIND, 1))->local, port[1]);
	event = nth(world, RS_EVENT_LISTEN, 0);
	expect_v4(&rs_event_listen(event)->local, PORT);
	assert_int_equal(rs_event_listen(event)->backlog, 17);
	event = nth(world, RS_EVENT_CONNECT, 0);
	expect_v4(&rs_event_connect(event)->remote, PORT);
	assert_int_equal(rs_event_connect(event)->protocol, IPPROTO_TCP);
	assert_int_equal(rs_event_connect(event)->error, 0);
	event = nth(world, RS_EVENT_ACCEPT, 0);
	expect_v4(&rs_event_accept(event)->local, PORT);
	expect_v4(&rs_event_accept(event)->remote, port[0]);
	event = nth(world, RS_EVENT_CONNECT, 1);
	expect_v4(&rs_event_connect(event)->remote, 1);
	assert_int_equal(rs_event_connect(event)->error, ECONNREFUSED);
	assert_int_equal(rs_event_connect(nth(world, RS_EVENT_CONNECT, 2))->error, EBADF);
	munmap(port, 4096);
}

static void do_v6(void *data)
{
	own_network();
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHILD_EXPECT(bind(server, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(listen(server, 1) == 0);
	CHILD_EXPECT(connect(client, (void *)&address, sizeof(address)) == 0 || errno == EINPROGRESS);
	CHILD_EXPECT(accept4(server, NULL, NULL, SOCK_CLOEXEC) >= 0);
}

static void test_v6(void **state)
{
	struct world *world = *state;
	int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe < 0) {
		print_message("this kernel has no IPv6: nothing to see\n");
		return;
	}
	close(probe);
	world_run(world, do_v6, NULL);
	const struct rs_addr *addrs[] = {
		&rs_event_bind(nth(world, RS_EVENT_BIND, 0))->local,
		&rs_event_connect(nth(world, RS_EVENT_CONNECT, 0))->remote,
		&rs_event_accept(nth(world, RS_EVENT_ACCEPT, 0))->local,
	};
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		assert_int_equal(addrs[i]->family, AF_INET6);
		assert_int_equal(addrs[i]->port, PORT);
		assert_memory_equal(addrs[i]->bytes, &in6addr_loopback, 16);
	}
}

static void do_unix(void *data)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = UNIX_PATH};
	struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0abstract"};
	socklen_t hidden_size = offsetof(struct sockaddr_un, sun_path) + 9;
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(UNIX_PATH);
	CHILD_EXPECT(bind(server, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(listen(server, 1) == 0);
	CHILD_EXPECT(connect(client, (void *)&address, sizeof(address)) == 0);
	CHILD_EXPECT(accept(server, NULL, NULL) >= 0);
	CHILD_EXPECT(bind(other, (void *)&hidden, hidden_size) == 0);
	unlink(UNIX_PATH);
}

static void test_unix(void **state)
{
	struct world *world = *state;
	world_run(world, do_unix, NULL);
	const struct rs_event *events[] = {nth(world, RS_EVENT_BIND, 0), nth(world, RS_EVENT_LISTEN, 0),
					   nth(world, RS_EVENT_CONNECT, 0), nth(world, RS_EVENT_ACCEPT, 0)};
	const struct rs_addr *addrs[] = {&rs_event_bind(events[0])->local, &rs_event_listen(events[1])->local,
					 &rs_event_connect(events[2])->remote, &rs_event_accept(events[3])->local};
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		assert_int_equal(addrs[i]->family, AF_UNIX);
		world_expect_str(events[i], addrs[i]->path, UNIX_PATH);
	}
	const struct rs_event *event = nth(world, RS_EVENT_BIND, 1);
	size_t size;
	const char *path = rs_str_get(event, rs_event_bind(event)->local.path, &size);
	assert_int_equal(size, 9);
	assert_memory_equal(path, "\0abstract", 9);
}

#define QUESTION \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03WwW\x07" \
	"example\x00\x00\x1c\x00\x01"
#define QUESTION_SIZE (sizeof(QUESTION) - 1)

static void do_dns(void *data)
{
	own_network();
	struct sockaddr_in server = v4(53), elsewhere = v4(54);
	static char question[] = QUESTION;
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHILD_EXPECT(bind(sink, (void *)&server, sizeof(server)) == 0);
	CHILD_EXPECT(sendto(udp, question, QUESTION_SIZE, 0, (void *)&elsewhere, sizeof(elsewhere)) >
		     0); /* another port */
	CHILD_EXPECT(sendto(udp, question, QUESTION_SIZE, 0, (void *)&server, sizeof(server)) > 0);
	struct iovec vector = {question, QUESTION_SIZE};
	struct msghdr message = {
		.msg_name = &server, .msg_namelen = sizeof(server), .msg_iov = &vector, .msg_iovlen = 1};
	CHILD_EXPECT(sendmsg(udp, &message, 0) > 0);
	struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
	CHILD_EXPECT(sendmmsg(udp, messages, 2, 0) == 2);
	CHILD_EXPECT(connect(udp, (void *)&server, sizeof(server)) == 0);
	CHILD_EXPECT(send(udp, question, QUESTION_SIZE, 0) > 0);
	CHILD_EXPECT(write(udp, question, QUESTION_SIZE) > 0);
	CHILD_EXPECT(writev(udp, &vector, 1) > 0);
	question[2] |= (char)0x80; /* an answer is no question */
	CHILD_EXPECT(send(udp, question, QUESTION_SIZE, 0) > 0);
	question[2] &= 0x7f;
	/* over a stream, with two bytes of length */
	char stream[QUESTION_SIZE + 2] = {0, QUESTION_SIZE};
	memcpy(stream + 2, question, QUESTION_SIZE);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHILD_EXPECT(bind(tcp, (void *)&server, sizeof(server)) == 0 && listen(tcp, 1) == 0);
	CHILD_EXPECT(connect(client, (void *)&server, sizeof(server)) == 0);
	CHILD_EXPECT(write(client, stream, sizeof(stream)) == sizeof(stream));
}

static void test_dns(void **state)
{
	struct world *world = *state;
	world_run(world, do_dns, NULL);
	const size_t expected = 8; /* sendto, sendmsg, sendmmsg twice, send, write, writev, stream */
	for (size_t i = 0; i < expected; i++) {
		const struct rs_event *event = nth(world, RS_EVENT_DNS_QUESTION, i);
		const struct rs_event_dns_question *question = rs_event_dns_question(event);
		world_expect_str(event, question->name, "www.example");
		assert_int_equal(question->record_type, 28);
		assert_int_equal(question->record_class, 1);
		expect_v4(&question->server, 53);
	}
	assert_null(world_find(world, RS_EVENT_DNS_QUESTION, world->child, expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_dns),
	};
	WORLD_MAIN("bpf_network", tests);
}
