/* An exec session: a process that the runtime puts beside init, and the client that asked for it. */
#ifndef CONMON_MONITOR_EXEC_H
#define CONMON_MONITOR_EXEC_H

#include "monitor/exec_group.h"
#include "monitor/input.h"
#include "monitor/monitor.h"

/* After the process's end others may hold its pipes: so long is waited for their end. */
#define EXEC_GRACE_MS 100
/* A killed process that has not ended by then (its container is frozen, its disk hangs) is no longer waited for. */
#define EXEC_PATIENCE_MS 3000

enum exec_phase {
  /* The runtime is asked first whether it knows of cgroups. */
  X_WAITING,
  /* The runtime is at work. */
  X_CALLING,
  X_RUNNING,
  /* The process has ended; its last output is being passed on. */
  X_DRAINING,
  X_DONE,
};

struct exec_stream {
  struct exec *exec;
  uint8_t type;
  int fd;
  struct source source;
  /* A terminal that its last user has closed may be opened again. */
  struct timer retry;
  uint64_t passed;
  /* Bytes that may still be the process's own, once it has ended. */
  size_t owed;
};

struct exec {
  struct monitor *monitor;
  struct exec *next;
  /* NULL once the client has its last frame, or is gone. */
  struct conn *conn;
  uint32_t tag;
  enum exec_phase phase;
  bool tty;
  bool with_stdin;
  bool timed_out;
  bool truncated;
  /* Its tree is to be dead: also what the runtime makes from now on. */
  bool killed;
  bool grace_over;
  /* The call at hand names the group. */
  bool by_runtime;
  uint64_t output_cap;
  unsigned int number;
  struct exec_group group;
  struct call call;
  pid_t pid;
  struct child child;
  struct exit_status status;
  struct timer deadline;
  /* While killed: until its end is no longer waited for. Then: until its pipes are not. */
  struct timer grace;
  int call_err_fd;
  int console_fd;
  /* Of the terminal, 0 until somebody has told it. */
  uint16_t width;
  uint16_t height;
  struct input in;
  struct exec_stream out;
  struct exec_stream err;
};

/* exec_call.c: the runtime's part. */
/* Writes down what is to be run; has the runtime run it, once it is known how. */
int exec_prepare(struct exec *exec, const struct exec_request *request, struct err *err);
void exec_remove_files(const struct exec *exec);

/* exec.c: what came of it. */
void exec_runs(struct exec *exec, const struct call *call);
void exec_fails(struct exec *exec, enum protocol_error code, const char *message);
/* The runtime was killed, or has failed, after the deadline or the end of client or container. */
void exec_never_ran(struct exec *exec);
/* The container has ended first. */
void exec_too_late(struct exec *exec);
/* Both streams have ended, or the grace is over and nothing is left: to be asked after each pump. */
void exec_check_end(struct exec *exec);

/* exec_io.c */
void exec_io_start(struct exec *exec);
/* The process has ended: what its pipes hold is its own, though somebody else may go on filling them. */
void exec_io_drain(struct exec *exec);
/* Passes on what the pipes hold, as far as the client takes it; true if both have ended. */
bool exec_io_pump(struct exec *exec);
/* Whether the client is too slow at the moment. */
bool exec_io_blocked(const struct exec *exec);
enum conn_result exec_io_stdin(struct exec *exec, const struct frame *frame);
enum conn_result exec_io_stdin_eof(struct exec *exec);
void exec_io_pass(struct exec_stream *stream, const void *data, size_t size);
void exec_io_close(struct exec *exec);

#endif
