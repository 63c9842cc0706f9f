/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/act.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

struct act {
	struct acts *acts;
	struct list link;
	struct journal_record record;
	struct target target;
	uint64_t number; /* the engine's */
	uint64_t begun_ns;
	struct loop_source *ended; /* the target's end */
	struct loop_source *timer;
};

struct acts {
	struct acts_opts opts;
	struct list list;
	uint32_t n;
	uint64_t unjournaled;
};

/* ---- the kinds ---- */

/* Done when the process is gone: its descriptor becomes readable. */
static int kill_target(struct act *act)
{
	return pidfd_send_signal(act->target.pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

static const struct {
	int (*begin)(struct act *act); /* 0: it is on its way; -ESRCH: there is nothing any more; another -errno */
} kinds[] = {
	[SESSION_ACTION_KILL] = {kill_target},
};

/* ---- the journal ---- */

static void fill_record(struct journal_record *record, const struct ipc_action *action)
{
	*record = (struct journal_record){
		.event_id = action->head.number,
		.request = action->request,
		.process_id = action->process_id,
		.kind = action->kind,
		.uid = action->uid,
	};
	memcpy(record->agent, action->agent, sizeof(record->agent));
	memcpy(record->version, action->version, sizeof(record->version));
	memcpy(record->content_version, action->content_version, sizeof(record->content_version));
	memcpy(record->rule, action->rule, sizeof(record->rule));
	memcpy(record->reason, action->reason, sizeof(record->reason));
	memcpy(record->exe, action->exe, sizeof(record->exe));
}

/* -errno: it is not on disk. Said with the first and then each hundredth: a full disk must not fill the log as well. */
static int keep(struct acts *acts, struct journal_record *record, enum journal_what what)
{
	record->what = what;
	if (!acts->opts.journal)
		return -ENODEV;
	if (record->number == 0)
		record->number = journal_next_number(acts->opts.journal);
	int r = journal_append(acts->opts.journal, record);
	if (r < 0 && acts->unjournaled++ % 100 == 0)
		log_error("the journal of actions cannot be written: %s; %llu records so far; make room in state_dir",
			  strerror(-r), (unsigned long long)acts->unjournaled);
	return r;
}

/* ---- one action ---- */

static void act_free(struct act *act)
{
	list_remove(&act->link);
	act->acts->n--;
	loop_source_remove(act->ended);
	loop_source_remove(act->timer);
	target_close(&act->target);
	free(act);
}

/* Its last line in the journal comes before anybody hears of it. */
static void finish(struct act *act, enum ipc_action_outcome outcome, int error)
{
	struct acts *acts = act->acts;
	uint64_t number = act->number;
	act->record.outcome = outcome;
	act->record.error = error;
	act->record.latency_ns = clock_monotonic_ns() - act->begun_ns;
	keep(acts, &act->record, JOURNAL_OUTCOME);
	act_free(act);
	acts->opts.done(acts->opts.data, number, outcome, error);
}

static int on_ended(void *data, uint32_t events)
{
	finish(data, IPC_ACTION_DONE_WELL, 0);
	return 0;
}

/* It was killed and is still there: it waits in the kernel for what does not come, a disk or a file server. */
static int on_time(void *data, uint64_t now_ns)
{
	finish(data, IPC_ACTION_FAILED, -ETIMEDOUT);
	return 0;
}

/* The target held, the journal written, the deed begun. */
static int begin(struct act *act)
{
	struct acts *acts = act->acts;
	int r = target_open(act->record.process_id, &acts->opts.ours, &act->target);
	if (r < 0)
		return r;
	act->record.args_size = (uint32_t)target_args(&act->target, act->record.args, sizeof(act->record.args));
	r = loop_add_fd(acts->opts.loop, act->target.pidfd, EPOLLIN, on_ended, act, &act->ended);
	if (r >= 0)
		r = loop_add_timer(acts->opts.loop, on_time, act, &act->timer);
	if (r >= 0)
		r = loop_source_arm(act->timer, act->begun_ns + ACT_WAIT_NS);
	if (r < 0)
		return r;
	r = keep(acts, &act->record, JOURNAL_ASKED);
	return r < 0 ? r : kinds[act->record.kind].begin(act);
}

static struct act *act_new(struct acts *acts, const struct ipc_action *action)
{
	struct act *act = acts->n < ACTS_MAX ? calloc(1, sizeof(*act)) : NULL;
	if (!act)
		return NULL;
	act->acts = acts;
	act->number = action->head.number;
	act->begun_ns = clock_monotonic_ns();
	act->target.pidfd = -1;
	fill_record(&act->record, action);
	list_append(&acts->list, &act->link);
	acts->n++;
	return act;
}

void acts_ask(struct acts *acts, const struct ipc_action *action)
{
	if (action->outcome != 0) {
		struct journal_record record;
		fill_record(&record, action);
		record.outcome = action->outcome;
		record.error = action->error;
		keep(acts, &record, JOURNAL_OUTCOME);
		return;
	}
	struct act *act = act_new(acts, action);
	if (!act) {
		acts->opts.done(acts->opts.data, action->head.number, IPC_ACTION_FAILED, -EBUSY);
		return;
	}
	int r = begin(act);
	if (r < 0)
		finish(act, r == -ESRCH ? IPC_ACTION_GONE : IPC_ACTION_FAILED, r == -ESRCH ? 0 : r);
}

int acts_new(const struct acts_opts *opts, struct acts **ret)
{
	struct acts *acts = calloc(1, sizeof(*acts));
	if (!acts)
		return -ENOMEM;
	acts->opts = *opts;
	list_init(&acts->list);
	*ret = acts;
	return 0;
}

struct acts *acts_free(struct acts *acts)
{
	if (!acts)
		return NULL;
	list_for_each_safe (link, &acts->list)
		act_free(list_entry(link, struct act, link));
	free(acts);
	return NULL;
}

void acts_set_ours(struct acts *acts, const struct target_ours *ours)
{
	acts->opts.ours = *ours;
}
