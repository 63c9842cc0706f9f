/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients: the admin socket RUN_DIR/control.sock and whoever is connected to it.
 *
 *     accept ─▶ who (SO_PEERCRED) ─▶ struct ipc_request ─▶ requests.h ─▶ struct ipc_reply + text ─▶ …
 *
 * A client has one request open at a time. One that sends what is not a request, does not read its answer, or only sits
 * there is dropped and counted; so are those beyond the limit. Owns the sockets and the answers under way.
 */
#pragma once

#include "ipc/process.h"
#include "journal/journal.h"

struct clients;

/* Makes the socket; needs root. process and journal (NULL: it could not be opened) are borrowed for
 * its life. -errno with a log line. */
int clients_new(struct process *process, struct journal *journal, struct clients **ret);
/* Begins to accept; after the drop. */
int clients_begin(struct clients *clients);
struct clients *clients_free(struct clients *clients);

/* From the other processes. */
void clients_reply(struct clients *clients, enum process_role from, const struct ipc_reply *reply);
void clients_peer_down(struct clients *clients, enum process_role role);
