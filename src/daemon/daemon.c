/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/cgroup.h"
#include "daemon/children.h"
#include "daemon/config_run.h"
#include "daemon/house.h"
#include "daemon/keeper.h"
#include "daemon/keepsake.h"
#include "daemon/notify.h"
#include "daemon/priority.h"
#include "daemon/reload.h"
#include "daemon/status.h"
#include "daemon/watch.h"
#include "ipc/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#define KEEPSAKE_TRUST_NS (1 * NS_PER_SEC)
#define STOP_CAGE_NS (8 * NS_PER_SEC) /* agents get 3 s of it */
#define STOP_ENGINE_NS (3 * NS_PER_SEC)
#define STOP_CONTROL_NS (1 * NS_PER_SEC)

enum phase {
	PHASE_RUN,
	PHASE_STOP_CAGE, /* first those who ask, then those who answer */
	PHASE_STOP_REST,
};

struct daemon {
	const struct options *options;
	struct loop *loop;
	struct settings settings; /* in force; the keeper looks at it too */
	int settings_fd;
	int lock_fd;
	int machine_fd; /* the lock of the one who watches all of it, or -1 */
	int signal_fd;
	struct loop_source *signal_source;
	struct notify notify;
	struct loop_source *watchdog;
	struct cgroup cgroup;
	struct keeper *keeper;
	struct children *children;
	struct watch *watch;
	struct config_run *config_run;
	bool reload_again; /* SIGHUP came while one was under way */
	bool announced; /* systemd knows that we are ready */
	enum phase phase;
	uint64_t engine_generation;
	uint64_t engine_ready_ns; /* of the one that runs; 0: it is not */
	unsigned short_engines; /* in a row that did not last */
	struct keepsake keepsake; /* of the engine, for the next */
	uint64_t started_ns;
	uint64_t reloads;
	uint64_t reload_errors;
};

static const enum process_role roles[] = {PROCESS_ENGINE, PROCESS_CAGE, PROCESS_CONTROL};

/* -- children ---------------------------------------------------------------------------------------------- */

static void cage_started(struct daemon *daemon, pid_t pid)
{
	struct ipc_cgroup message = {.head = {.size = sizeof(message), .type = IPC_CGROUP}};
	memcpy(message.why, daemon->cgroup.why, sizeof(message.why));
	cgroup_adopt(&daemon->cgroup, pid);
	int r = children_send(daemon->children, PROCESS_CAGE, &message, &daemon->cgroup.fd, daemon->cgroup.fd >= 0);
	if (r < 0)
		children_kill(daemon->children, PROCESS_CAGE, "it could not be given its control group");
}

static void engine_started(struct daemon *daemon, pid_t pid)
{
	int fds[KEEPER_N_DESCRIPTORS];
	size_t n_fds = 0;
	struct ipc_head message = {.size = sizeof(message), .type = IPC_GROUP, .number = ++daemon->engine_generation};
	keeper_engine_started(daemon->keeper, pid);
	keepsake_give(&daemon->keepsake, daemon->children);
	keeper_descriptors(daemon->keeper, fds);
	while (n_fds < KEEPER_N_DESCRIPTORS && fds[n_fds] >= 0)
		n_fds++;
	int r = children_send(daemon->children, PROCESS_ENGINE, &message, fds, n_fds);
	if (r < 0)
		children_kill(daemon->children, PROCESS_ENGINE, "it could not be given the fanotify group");
}

static void on_started(void *data, enum process_role role, pid_t pid)
{
	struct daemon *daemon = data;
	watch_started(daemon->watch, role, pid);
	if (role == PROCESS_ENGINE)
		engine_started(data, pid);
	else if (role == PROCESS_CAGE)
		cage_started(data, pid);
}

static void engine_ready(struct daemon *daemon)
{
	struct ipc_gap gap;
	daemon->engine_ready_ns = clock_monotonic_ns();
	keeper_engine_ready(daemon->keeper, &gap);
	gap.head.number = daemon->engine_generation;
	children_send(daemon->children, PROCESS_ENGINE, &gap, NULL, 0);
	log_notice("engine %" PRIu64 " took over; before it, for %" PRIu64 " ms, %" PRIu64
		   " questions were allowed and %" PRIu64 " denied without one: %s",
		   daemon->engine_generation, gap.gap_ns / NS_PER_MS, gap.unguarded_allowed, gap.unguarded_denied,
		   gap.why);
}

static void announce(struct daemon *daemon)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (!children_is_ready(daemon->children, roles[i]))
			return;
	if (!daemon->announced)
		log_notice("all processes are ready");
	daemon->announced = true;
	notify_send(&daemon->notify, "READY=1\nSTATUS=watching");
}

static void on_ready(void *data, enum process_role role)
{
	struct daemon *daemon = data;
	if (role == PROCESS_ENGINE)
		engine_ready(daemon);
	if (!daemon->announced)
		announce(daemon);
}

/* Advances the stop when what it waited for is down. */
static void stop_next(struct daemon *daemon)
{
	if (daemon->phase == PHASE_STOP_CAGE && children_is_down(daemon->children, PROCESS_CAGE)) {
		daemon->phase = PHASE_STOP_REST;
		children_stop(daemon->children, PROCESS_ENGINE, STOP_ENGINE_NS);
		children_stop(daemon->children, PROCESS_CONTROL, STOP_CONTROL_NS);
	}
	if (daemon->phase == PHASE_STOP_REST && children_is_down(daemon->children, PROCESS_ENGINE) &&
	    children_is_down(daemon->children, PROCESS_CONTROL))
		loop_exit(daemon->loop);
}

/* An engine that was never ready, or the second in a row that did not last, may have stumbled over what it was given.
 */
static void judge_keepsake(struct daemon *daemon)
{
	bool was_ready = daemon->engine_ready_ns != 0;
	bool lasted = was_ready && clock_monotonic_ns() - daemon->engine_ready_ns >= KEEPSAKE_TRUST_NS;
	daemon->engine_ready_ns = 0;
	daemon->short_engines = lasted ? 0 : daemon->short_engines + 1;
	if (!was_ready || daemon->short_engines > 1)
		keepsake_drop(&daemon->keepsake);
}

static void on_ended(void *data, enum process_role role, int wait_status)
{
	struct daemon *daemon = data;
	watch_ended(daemon->watch, role);
	if (role == PROCESS_ENGINE) {
		keeper_engine_died(daemon->keeper, wait_status);
		judge_keepsake(daemon);
	}
	if (role == PROCESS_CAGE)
		cgroup_kill(&daemon->cgroup); /* agents die with their cage, but not what they had started */
	stop_next(daemon);
}

/*
 * A link between two of our processes carried what is not well formed. Who of the two is wrong is not known for
 * sure, so the one that is cheaper to start anew goes: control, else the engine (agents outlive it).
 */
static void on_broken(struct daemon *daemon, enum process_role told_by, uint64_t about)
{
	bool control = told_by == PROCESS_CONTROL || about == PROCESS_CONTROL;
	log_error("%s says that %s broke the protocol", topology_name(told_by), topology_name(about));
	children_kill(daemon->children, control ? PROCESS_CONTROL : PROCESS_ENGINE,
		      "its link to another process broke");
}

static void on_request(struct daemon *daemon, const struct ipc_request *request)
{
	char text[STATUS_SIZE_MAX];
	static const char refusal[] = "{\"error\": \"the parent answers to status only\"}";
	struct status status = {.settings = &daemon->settings,
				.children = daemon->children,
				.keeper = daemon->keeper,
				.config = daemon->options->config,
				.started_ns = daemon->started_ns,
				.reloads = daemon->reloads,
				.reload_errors = daemon->reload_errors,
				.engine_generation = daemon->engine_generation};
	if (request->kind != IPC_REQUEST_STATUS) {
		children_reply(daemon->children, PROCESS_CONTROL, request->head.number, -EINVAL, refusal,
			       sizeof(refusal) - 1);
		return;
	}
	size_t size = status_to_json(&status, text, sizeof(text));
	children_reply(daemon->children, PROCESS_CONTROL, request->head.number, 0, text, size);
}

static void on_message(void *data, enum process_role role, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct daemon *daemon = data;
	/* only while it still has its privilege: afterwards it is not believed */
	if (message->type == IPC_KEEP && role == PROCESS_ENGINE && !children_is_ready(daemon->children, role)) {
		keepsake_take(&daemon->keepsake, message->number, fds, n_fds);
		return;
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (message->type == IPC_PONG)
		watch_pong(daemon->watch, role, message->number);
	else if (message->type == IPC_BROKEN)
		on_broken(daemon, role, message->number);
	else if (message->type == IPC_REQUEST && role == PROCESS_CONTROL)
		on_request(daemon, (const struct ipc_request *)(const void *)message);
	else
		children_kill(daemon->children, role, "it sent the parent what is not its to send");
}

static void on_stuck(void *data, const char *why)
{
	struct daemon *daemon = data;
	children_kill(daemon->children, PROCESS_ENGINE, why);
}

/* -- configuration ----------------------------------------------------------------------------------------- */

static void say_fixed(const char *key)
{
	log_warning("%s has changed in the configuration; the old value holds until the service is restarted", key);
}

static void apply(struct daemon *daemon, unsigned changes)
{
	struct ipc_head message = {.size = sizeof(message),
				   .type = IPC_SETTINGS,
				   .number = changes & RELOAD_ENGINE ? IPC_SETTINGS_ENGINE_RESTARTS
								     : IPC_SETTINGS_ENGINE_STAYS};
	children_set_settings(daemon->children, daemon->settings_fd);
	if (!daemon->settings.sensor_bpf)
		keepsake_drop(&daemon->keepsake);
	/* the cage first: from here on it waits for the new engine before it hands over sessions */
	if (changes & RELOAD_AGENTS)
		children_send(daemon->children, PROCESS_CAGE, &message, &daemon->settings_fd, 1);
	if (changes & RELOAD_ENGINE)
		children_restart(daemon->children, PROCESS_ENGINE, STOP_ENGINE_NS);
	if (changes & RELOAD_CONTROL)
		children_restart(daemon->children, PROCESS_CONTROL, STOP_CONTROL_NS);
}

static void adopt(struct daemon *daemon, const struct settings *settings)
{
	_cleanup_(freep) struct settings *new = malloc(sizeof(*new));
	if (!new)
		return;
	*new = *settings;
	options_apply(daemon->options, new);
	unsigned changes = reload_merge(&daemon->settings, new, say_fixed);
	int fd = config_run_seal(new);
	if (fd < 0) {
		log_error("reload: %s; the old configuration stays in force", strerror(-fd));
		return;
	}
	fd_close(daemon->settings_fd);
	daemon->settings_fd = fd;
	daemon->settings = *new;
	log_init("ringsided", (enum log_level) new->log_level);
	apply(daemon, changes);
	log_notice("reload: the new configuration is in force%s", changes ? "" : "; nothing in it has changed");
}

static void reload(struct daemon *daemon);

static void on_config(void *data, int result, const struct settings *settings)
{
	struct daemon *daemon = data;
	if (result == 0 && daemon->phase == PHASE_RUN) {
		adopt(daemon, settings);
	} else if (result != 0) {
		daemon->reload_errors++;
		log_error("reload: %s is wrong, see above; the old configuration stays in force",
			  daemon->options->config);
	}
	daemon->config_run = config_run_free(daemon->config_run);
	daemon->reloads++;
	notify_send(&daemon->notify, "READY=1");
	if (daemon->reload_again && daemon->phase == PHASE_RUN)
		reload(daemon);
}

static void reload(struct daemon *daemon)
{
	char text[64];
	daemon->reload_again = daemon->config_run;
	if (daemon->config_run)
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_ns() / NS_PER_US);
	notify_send(&daemon->notify, text);
	if (config_run_new(daemon->loop, daemon->options->libexec_dir, daemon->options->config, on_config, daemon,
			   &daemon->config_run) < 0)
		daemon->reload_errors++;
}

/* -- signals and time -------------------------------------------------------------------------------------- */

static void stop(struct daemon *daemon)
{
	if (daemon->phase != PHASE_RUN) {
		log_warning("told to stop for the second time: not waiting any longer");
		loop_exit(daemon->loop);
		return;
	}
	log_notice("stopping");
	notify_send(&daemon->notify, "STOPPING=1");
	daemon->phase = PHASE_STOP_CAGE;
	children_stop(daemon->children, PROCESS_CAGE, STOP_CAGE_NS);
	stop_next(daemon);
}

static int on_signal(void *data, uint32_t events)
{
	struct daemon *daemon = data;
	struct signalfd_siginfo info;
	if (read(daemon->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo != SIGHUP)
		stop(daemon);
	else if (daemon->phase == PHASE_RUN)
		reload(daemon);
	return 0;
}

static int on_watchdog(void *data, uint64_t now_ns)
{
	struct daemon *daemon = data;
	notify_send(&daemon->notify, "WATCHDOG=1");
	return loop_source_arm(daemon->watchdog, now_ns + daemon->notify.watchdog_ns / 2);
}

static int watch_signals(struct daemon *daemon)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signal_fd < 0)
		return -errno;
	return loop_add_fd(daemon->loop, daemon->signal_fd, EPOLLIN, on_signal, daemon, &daemon->signal_source);
}

static int watch_watchdog(struct daemon *daemon)
{
	int r = loop_add_timer(daemon->loop, on_watchdog, daemon, &daemon->watchdog);
	return r < 0 || !daemon->notify.watchdog_ns ? r : on_watchdog(daemon, clock_monotonic_ns());
}

/* -- begin and end ----------------------------------------------------------------------------------------- */

struct first_config {
	struct daemon *daemon;
	bool done;
	int result;
};

static void on_first_config(void *data, int result, const struct settings *settings)
{
	struct first_config *first = data;
	first->done = true;
	first->result = result > 0 ? -EINVAL : result;
	if (result == 0)
		first->daemon->settings = *settings;
}

/* Nothing runs yet, so this may wait. */
static int read_config(struct daemon *daemon)
{
	struct first_config first = {.daemon = daemon};
	const struct options *options = daemon->options;
	int r = config_run_new(daemon->loop, options->libexec_dir, options->config, on_first_config, &first,
			       &daemon->config_run);
	while (r >= 0 && !first.done)
		r = loop_turn(daemon->loop, -1);
	daemon->config_run = config_run_free(daemon->config_run);
	if (r < 0 || first.result < 0)
		return r < 0 ? r : first.result;
	options_apply(options, &daemon->settings);
	log_init("ringsided", (enum log_level)daemon->settings.log_level);
	daemon->settings_fd = config_run_seal(&daemon->settings);
	return MIN(daemon->settings_fd, 0);
}

static int start(struct daemon *daemon)
{
	struct children_callbacks callbacks = {
		.data = daemon, .started = on_started, .ready = on_ready, .ended = on_ended, .message = on_message};
	struct keeper_callbacks keeper_callbacks = {.data = daemon, .engine_is_stuck = on_stuck};
	int r = watch_signals(daemon);
	if (r >= 0)
		r = watch_watchdog(daemon);
	if (r >= 0)
		r = children_new(daemon->loop, daemon->options->libexec_dir, &callbacks, &daemon->children);
	if (r >= 0)
		r = watch_new(daemon->loop, daemon->children, &daemon->watch);
	if (r >= 0)
		r = keeper_new(daemon->loop, &daemon->settings, &keeper_callbacks, &daemon->keeper);
	if (r < 0)
		return r;
	children_set_settings(daemon->children, daemon->settings_fd);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		children_start(daemon->children, roles[i]);
	return 0;
}

int daemon_new(const struct options *options, struct daemon **ret)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	if (!daemon)
		return -ENOMEM;
	*daemon = (struct daemon){.options = options,
				  .settings_fd = -1,
				  .lock_fd = -1,
				  .machine_fd = -1,
				  .signal_fd = -1,
				  .cgroup = CGROUP_NONE,
				  .started_ns = clock_monotonic_ns()};
	notify_open(&daemon->notify);
	int r = loop_new(&daemon->loop);
	if (r >= 0)
		r = read_config(daemon);
	if (r >= 0)
		r = house_open(&daemon->settings, &daemon->lock_fd);
	if (r >= 0)
		r = house_claim_machine(&daemon->settings, &daemon->machine_fd);
	if (r >= 0) {
		/* a real-time process is not moved into a group with a share of the processors */
		cgroup_open(&daemon->cgroup, "", process_uid(&daemon->settings, PROCESS_CAGE));
		priority_raise();
		r = start(daemon);
	}
	if (r < 0) {
		daemon_free(daemon);
		return r;
	}
	*ret = daemon;
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	return loop_run(daemon->loop);
}

struct daemon *daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return NULL;
	config_run_free(daemon->config_run);
	watch_free(daemon->watch);
	children_free(daemon->children);
	if (daemon->lock_fd >= 0)
		house_leave(&daemon->settings);
	keeper_free(daemon->keeper);
	cgroup_close(&daemon->cgroup); /* nothing waits for our answers any more, so names may be opened */
	loop_source_remove(daemon->watchdog);
	loop_source_remove(daemon->signal_source);
	fd_close(daemon->signal_fd);
	loop_free(daemon->loop);
	keepsake_drop(&daemon->keepsake);
	fd_close(daemon->settings_fd);
	fd_close(daemon->lock_fd);
	fd_close(daemon->machine_fd);
	notify_close(&daemon->notify);
	free(daemon);
	return NULL;
}
