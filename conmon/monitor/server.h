/* The listening socket, and the clients by role. */
#ifndef CONMON_MONITOR_SERVER_H
#define CONMON_MONITOR_SERVER_H

#include <stdbool.h>

#include "lib/error.h"

struct monitor;

int server_listen(struct monitor *monitor, struct err *err);
/* Sends the state to every client that wants it. */
void server_push_state(struct monitor *monitor);
/* Takes the clients whose connect has already succeeded. */
void server_accept(struct monitor *monitor);
/* Whether a client is there that may still want to know: a control client, or one that has not said what it is. */
bool server_has_clients(const struct monitor *monitor);
/* Whether no client is owed anything any more: all is sent, and whoever has got its last frame has closed. */
bool server_is_flushed(const struct monitor *monitor);
/* Frees connections that were closed during this turn. */
void server_sweep(struct monitor *monitor);
/* Listens no more, removes the socket. */
void server_close(struct monitor *monitor);

#endif
