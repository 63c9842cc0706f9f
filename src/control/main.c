/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside-control: serves the admin socket.
 *
 *     client ─▶ clients.h ─▶ requests.h ─▶ parent, engine, cage ─▶ merged ─▶ client
 *
 * Holds no privilege and decides nothing but who may ask.
 */
#include "base/fd.h"
#include "base/log.h"
#include "control/clients.h"

#include <string.h>

struct control {
	struct process *process;
	struct clients *clients;
	struct journal *journal; /* of actions, for reading; NULL: it cannot be opened */
	uint64_t refused; /* messages that were not theirs to send */
};

static int on_message(void *data, enum process_role from, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct control *control = data;
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (message->type == IPC_REPLY)
		clients_reply(control->clients, from, (const struct ipc_reply *)(const void *)message);
	else if (from == PROCESS_PARENT && message->type == IPC_STOP)
		loop_exit(process_loop(control->process));
	else if (control->refused++ == 0)
		log_warning("a message of type %u from %s is not theirs to send; it is ignored, as are more of them",
			    message->type, topology_name(from));
	return 0;
}

static void on_peer(void *data, enum process_role role, bool up)
{
	struct control *control = data;
	if (!up)
		clients_peer_down(control->clients, role);
}

/* With privilege. A control without it answers everything else. */
static void open_journal(struct control *control)
{
	const char *folder = process_settings(control->process)->state_dir;
	int r = journal_open(folder, false, &control->journal);
	if (r < 0)
		log_error("%s: the journal of actions cannot be opened: %s; `ringside actions` shows nothing until the "
			  "platform is restarted",
			  folder, strerror(-r));
}

int main(void)
{
	struct control control = {0};
	struct process_handlers handlers = {.data = &control, .message = on_message, .peer = on_peer};
	int r = process_enter(PROCESS_CONTROL, &handlers, &control.process);
	if (r >= 0) {
		open_journal(&control);
		r = clients_new(control.process, control.journal, &control.clients);
	}
	if (r >= 0)
		r = process_drop(control.process);
	if (r >= 0)
		r = clients_begin(control.clients);
	if (r >= 0)
		r = process_run(control.process);
	clients_free(control.clients);
	journal_free(control.journal);
	process_free(control.process);
	return r < 0;
}
