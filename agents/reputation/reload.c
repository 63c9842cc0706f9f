/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/reload.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int begin(struct reload *reload, char *problem)
{
	int fd = open(reload->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &reload->tried) < 0) {
		int r = -errno;
		closep(&fd);
		snprintf(problem, LIST_PROBLEM_TEXT_SIZE, "cannot be opened: %s", strerror(-r));
		return r;
	}
	return list_load_begin(fd, &reload->loading, problem);
}

int reload_first(struct reload *reload, const char *path, struct list **ret, char *problem)
{
	*reload = (struct reload){.path = path};
	int r = begin(reload, problem);
	while (r == 0)
		r = list_load_step(reload->loading, problem);
	if (r < 0) {
		reload_deinit(reload);
		return r;
	}
	reload->seen = reload->tried;
	*ret = STEAL(reload->loading);
	return 0;
}

void reload_deinit(struct reload *reload)
{
	reload->loading = list_free(reload->loading);
}

void reload_ask(struct reload *reload)
{
	reload->asked = true;
	reload->next_look_ns = 0;
}

/* Whether it is time to load: asked for, or another file than last time that has stopped changing. */
static bool is_due(struct reload *reload, uint64_t now)
{
	struct stat st;
	if (now < reload->next_look_ns)
		return false;
	reload->next_look_ns = now + RELOAD_LOOK_NS;
	if (reload->asked)
		return true;
	if (stat(reload->path, &st) < 0 || is_same(&st, &reload->tried))
		return false;
	bool settled = is_same(&st, &reload->seen);
	reload->seen = st;
	return settled;
}

static enum reload_result refuse(struct reload *reload)
{
	reload->loading = list_free(reload->loading);
	reload->refused++;
	return RELOAD_REFUSED;
}

enum reload_result reload_step(struct reload *reload, uint64_t now, struct list **ret, char *problem)
{
	if (!reload->loading) {
		if (!is_due(reload, now))
			return RELOAD_IDLE;
		reload->asked = false;
		return begin(reload, problem) < 0 ? refuse(reload) : RELOAD_BUSY;
	}
	int r = list_load_step(reload->loading, problem);
	if (r < 0)
		return refuse(reload);
	if (r == 0)
		return RELOAD_BUSY;
	*ret = STEAL(reload->loading);
	return RELOAD_READY;
}
