/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_network: sockets of others, the machine's network. The agent has been granted no network. */
#include "escape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make(int family, int type, int protocol)
{
	return outcome_fd(socket(family, type | SOCK_CLOEXEC, protocol));
}

/* path: a name in the file system, or with `abstract` in no file system. */
static socklen_t unix_address(struct sockaddr_un *address, const char *path, int abstract)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path + abstract, sizeof(address->sun_path) - (size_t)abstract, "%s", path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)abstract + strlen(path) + !abstract);
}

static int connect_unix(int type, const char *path, int abstract)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(&address, path, abstract);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : outcome(connect(fd, (struct sockaddr *)&address, size));
}

static struct sockaddr_in loopback(const struct world *world)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)world->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int control(const struct world *world)
{
	return connect_unix(SOCK_SEQPACKET, world->control, 0);
}

static int granted(const struct world *world)
{
	return connect_unix(SOCK_STREAM, below(world->granted, "socket"), 0);
}

static int abstract_name(const struct world *world)
{
	return connect_unix(SOCK_STREAM, world->abstract, 1);
}

static int abstract_datagram(const struct world *world)
{
	int pair[2];
	struct sockaddr_un address;
	char name[64];
	snprintf(name, sizeof(name), "%s-datagram", world->abstract);
	socklen_t size = unix_address(&address, name, 1);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return -errno;
	return outcome(sendto(pair[0], "x", 1, 0, (struct sockaddr *)&address, size));
}

static int tcp(const struct world *world)
{
	struct sockaddr_in address = loopback(world);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : outcome(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int tcp_fast_open(const struct world *world)
{
	struct sockaddr_in address = loopback(world);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno
		      : outcome(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address)));
}

static int udp(const struct world *world)
{
	struct sockaddr_in address = loopback(world);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : outcome(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

static int listen_tcp(const struct world *world)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : outcome(listen(fd, 1));
}

static int raw(const struct world *world)
{
	return make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int packet(const struct world *world)
{
	return make(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

static int netlink_route(const struct world *world)
{
	return make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int netlink_audit(const struct world *world)
{
	return make(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
}

static int netlink_events(const struct world *world)
{
	return make(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

static int mptcp(const struct world *world)
{
	return make(AF_INET, SOCK_STREAM, 262);
}

static int vsock(const struct world *world)
{
	return make(AF_VSOCK, SOCK_STREAM, 0);
}

static int crypto(const struct world *world)
{
	return make(AF_ALG, SOCK_SEQPACKET, 0);
}

#define MAY_LACK "not every kernel has it"

static const struct attempt rows[] = {
	{"network-control", "connects to the admin socket", control, "EACCES", NULL},
	{"network-granted", "connects to a socket in a folder that it may read", granted, "EACCES", NULL},
	{"network-abstract", "connects to an abstract socket", abstract_name, "EACCES", NULL},
	{"network-abstract-datagram", "sends to an abstract socket from a pair of its own", abstract_datagram, "ENOSYS",
	 NULL},
	{"network-tcp", "connects to 127.0.0.1", tcp, "EACCES", NULL},
	{"network-fast-open", "connects by MSG_FASTOPEN", tcp_fast_open, "EACCES", NULL},
	{"network-udp", "sends to 127.0.0.1", udp, "EACCES", NULL},
	{"network-listen", "listens", listen_tcp, "EACCES", NULL},
	{"network-raw", "makes a raw socket", raw, "EACCES", NULL},
	{"network-packet", "makes a packet socket", packet, "EACCES", NULL},
	{"network-netlink-route", "asks the kernel for interfaces", netlink_route, "EACCES", NULL},
	{"network-netlink-audit", "talks to the audit system", netlink_audit, "EACCES", MAY_LACK},
	{"network-netlink-events", "listens to the kernel's device events", netlink_events, "EACCES", NULL},
	{"network-mptcp", "makes an MPTCP socket, which Landlock does not take for TCP", mptcp, "EACCES", MAY_LACK},
	{"network-vsock", "makes a socket to the hypervisor", vsock, "EACCES", MAY_LACK},
	{"network-crypto", "makes a socket of the kernel's cryptography", crypto, "EACCES", MAY_LACK},
};
ATTEMPTS(attempts_network, rows);
