/* One call of the OCI runtime: its process, and what it says on stderr. */
#ifndef CONMON_MONITOR_CALL_H
#define CONMON_MONITOR_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor/children.h"
#include "monitor/loop.h"
#include "monitor/spawn.h"

/* What is kept of a runtime's stderr: its end, for hooks speak first and the runtime says last what has failed. */
#define CALL_TEXT_MAX 8192
/* With the newline that a message loses. */
#define CALL_KEPT_MAX (CALL_TEXT_MAX + 1)
/* How long a hook that holds stderr open after the runtime has failed may delay the message. */
#define CALL_GRACE_MS 100
/* How long a full, held stderr may stop a runtime before the rest is dropped after all. */
#define CALL_STALL_MS 2000

struct monitor;
struct call;
typedef void call_fn(void *owner, struct call *call);

struct call {
  struct monitor *monitor;
  struct child child;
  /* Read end of the runtime's stderr; not ours to close. */
  int err_fd;
  struct source source;
  struct timer timer;
  /* The bytes are the new process's too, as soon as it runs: stop reading when the text is full instead of dropping. */
  bool hold;
  /* The beginning was dropped though it was to be held. */
  bool lost;
  bool active;
  bool at_end;
  int wait_status;
  call_fn *done;
  void *owner;
  size_t size;
  /* NULL until something is said; freed after `done`. */
  char *text;
  /* The place of a message of our own, when nothing was said. */
  char silence[96];
};

/*
 * Runs the command and watches `err_fd` until it has ended; then `done`, in which the pidfile is read and the new child
 * added. Negative if it could not be forked; `done` is not called then.
 */
int call_begin(struct monitor *monitor, struct call *call, char *const argv[], const struct spawn_stdio *stdio, int err_fd,
               bool hold, call_fn *done, void *owner, struct err *err);
bool call_succeeded(const struct call *call);
/* The runtime's message, printable, without a newline at its end; if it said nothing, how it ended. */
const char *call_message(struct call *call, const char *what);
/* Kills the runtime and all that it has started so far. */
void call_kill(struct call *call);

#endif
