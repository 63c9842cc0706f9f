/* SPDX-License-Identifier: Apache-2.0 */
#include "flood.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define PAUSE_NS (100 * NS_PER_US) /* between two bursts */

static int connect_to(int fd, uint16_t port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

/* Bursts, for no sleep is as short as the time between two calls. Returns how many calls were made. */
static uint64_t worker_run(uint64_t rate_per_s, uint64_t until_ns)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t begin_ns = clock_monotonic_ns(), now_ns = begin_ns, sent = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	while (now_ns < until_ns) {
		uint64_t due = (now_ns - begin_ns) * rate_per_s / NS_PER_SEC;
		/* what a sleep that was too long left behind is spread, not thrown at the kernel in one burst */
		uint64_t most = sent + 4 * rate_per_s * PAUSE_NS / NS_PER_SEC + 1;
		for (; sent < due && sent < most; sent++)
			if (connect_to(fd, FLOOD_PORT) < 0)
				return sent;
		if (sent == due)
			nanosleep(&pause, NULL);
		now_ns = clock_monotonic_ns();
	}
	close(fd);
	return sent;
}

int flood(int rate_per_s, int seconds, int n_workers)
{
	int results[2];
	uint64_t sent = 0, one;
	if (rate_per_s < 1 || seconds < 1 || n_workers < 1 || n_workers > WORKERS_MAX || pipe(results) < 0) {
		fprintf(stderr, "ringside-bench: flood: expected a rate, seconds, and 1 to %d workers\n", WORKERS_MAX);
		return 2;
	}
	uint64_t begin_ns = clock_monotonic_ns(), until_ns = begin_ns + (uint64_t)seconds * NS_PER_SEC;
	for (int i = 0; i < n_workers; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			one = worker_run((uint64_t)rate_per_s / (uint64_t)n_workers, until_ns);
			_exit(write(results[1], &one, sizeof(one)) == sizeof(one) ? 0 : 1);
		}
	}
	close(results[1]);
	while (read(results[0], &one, sizeof(one)) == sizeof(one))
		sent += one;
	while (wait(NULL) > 0)
		;
	printf("flood-sent %llu\nflood-ns %llu\n", (unsigned long long)sent,
	       (unsigned long long)(clock_monotonic_ns() - begin_ns));
	return sent > 0 ? 0 : 1;
}

int flood_report(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect_to(fd, FLOOD_REPORT_PORT) == 0)
		return 0;
	fprintf(stderr, "ringside-bench: flood: %s; is the loopback device of this network namespace up?\n",
		strerror(errno));
	return 1;
}
