/* SPDX-License-Identifier: Apache-2.0 */
/* ringsided: the parent of Ringside's processes. See daemon.h. Exit code 0: stopped as told; 1: an error; 2: usage. */
#include "base/log.h"
#include "daemon/daemon.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct options options;
	struct daemon *daemon;
	log_init("ringsided", LOG_LEVEL_INFO);
	enum options_result result = options_parse(argc, argv, &options);
	if (result != OPTIONS_RUN)
		return result == OPTIONS_DONE ? 0 : 2;
	if (geteuid() != 0) {
		log_error("expected to be started by root, found user %u; use sudo, or the service ringside",
			  geteuid());
		return 1;
	}
	umask(022);
	int r = daemon_new(&options, &daemon);
	if (r < 0)
		return 1;
	r = daemon_run(daemon);
	daemon_free(daemon);
	if (r < 0)
		log_error("the loop ended: %s", strerror(-r));
	else
		log_notice("stopped");
	return r < 0;
}
