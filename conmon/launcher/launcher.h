/*
 * The launcher: the one child of berthd that starts every process and makes every mount. See docs/launcher-protocol.md.
 * One thread around one epoll loop; what may take time runs in a child, so that no request delays another.
 */
#ifndef CONMON_LAUNCHER_LAUNCHER_H
#define CONMON_LAUNCHER_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/protocol.h"
#include "lib/error.h"
#include "lib/wire.h"

enum {
  CONTROL_FD = 3,
  LOCK_FD = 4,
  /* Node's channel for descriptors (its `stdio: 'ipc'`). */
  HANDLES_FD = 5,
  /* In a child: the lock or the channel, whichever it needs. */
  KEPT_FD = 4,
  MAX_PLACES = 4,
};

/* The cgroups that a child starts in. */
struct placement {
  /* The cgroup2 folder, given to clone3; -1 if there is none. */
  int unified;
  /* cgroup.procs of the v1 folders, written by the child itself. */
  int procs[MAX_PLACES];
  int procs_count;
  /* The first folder, for killing what is in it. */
  const char *dir;
};

struct job;

/* One pipe from a child; what is beyond the writer's maximum is read and dropped. */
struct stream {
  struct job *job;
  int fd;
  struct wire_writer data;
  bool truncated;
};

enum job_kind {
  /* A program that is run to its end. */
  JOB_RUN,
  /* An operation in a forked child, which writes its answer into the stream `out`. */
  JOB_CALL,
  /* A monitor, until it says that it is ready through the stream `out`. */
  JOB_MONITOR,
};

struct job {
  struct job *next;
  enum job_kind kind;
  uint32_t id;
  uint16_t op;
  pid_t pid;
  /* Milliseconds of CLOCK_MONOTONIC; 0 is none. */
  int64_t deadline;
  bool timed_out;
  bool cancelled;
  bool answered;
  bool reaped;
  int wait_status;
  struct stream out;
  struct stream err;
  /* Read end of the pipe that carries the failure of an exec; -1 for a call. */
  int failure;
  /* A monitor's stderr until it is ready. */
  int memory;
};

/* All mutable state of the process. */
struct launcher {
  int epoll;
  int signals;
  bool has_lock;
  /* HANDLES_FD, or -1: nobody takes connections then. */
  int handles;
  bool input_paused;
  bool output_waits;
  const char *bulk_path;
  struct placement helpers;
  struct placement monitors;
  struct job *jobs;
  /* Ended in this round of events, freed after it: later events of the round may still point to them. */
  struct job *ended;
  uint8_t *input;
  size_t input_size;
  size_t input_capacity;
  struct wire_writer output;
  size_t output_sent;
};

/* What an operation in a child may use besides its payload. */
struct call {
  /* Where the answer goes. */
  int reply_fd;
  /* Where connections go, of a DIAL alone; else -1. */
  int handles_fd;
};

/* Decodes its payload, does the work, encodes the answer's payload. `err` is told on a negative return. */
typedef int call_fn(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err);

/* control.c: frames in and out. A negative return is a broken peer: the launcher ends. */
int control_read(struct launcher *l, bool *end, struct err *err);
int control_flush(struct launcher *l, struct err *err);
void control_reply(struct launcher *l, uint32_t id, uint16_t op, uint16_t status, const void *payload, size_t size);
void control_fail(struct launcher *l, uint32_t id, uint16_t op, uint16_t status, const struct err *why);

/* dispatch.c */
int dispatch(struct launcher *l, uint32_t id, uint16_t op, struct wire_reader *in, struct err *err);

/* job.c */
struct job *job_new(struct launcher *l, enum job_kind kind, uint32_t id, uint16_t op, uint32_t timeout_ms);
int job_watch(struct launcher *l, struct stream *stream, int fd, struct err *err);
void job_discard(struct launcher *l, struct job *job);
void job_stream_event(struct launcher *l, struct stream *stream);
void job_reap(struct launcher *l);
void job_expire(struct launcher *l);
int job_wait_ms(const struct launcher *l);
bool job_cancel(struct launcher *l, uint32_t id);
void job_free_ended(struct launcher *l);

/* spawn.c */
int placement_open(struct placement *place, const char *const *dirs, int count, struct err *err);
/* As fork(2), into the placement's cgroups; in the child (0) nothing is set up yet. */
pid_t spawn_fork(const struct placement *place, struct err *err);
int spawn_child_setup(const struct placement *place, pid_t launcher, bool dies_with_us, struct err *err);
/* Forks a child that keeps two descriptors: the one to answer on as CONTROL_FD and, unless it is -1, `kept` as KEPT_FD. */
pid_t spawn_call(struct launcher *l, int reply_fd, int kept, struct err *err);
int connect_bulk(const char *path, const uint8_t token[TOKEN_SIZE], struct err *err);

/* run.c: RUN, RUN_STREAMED, START_MONITOR. */
int run_program(struct launcher *l, uint32_t id, uint16_t op, struct wire_reader *in, struct err *err);
int run_monitor(struct launcher *l, uint32_t id, struct wire_reader *in, struct err *err);

/* shutdown.c: kills what is in the helpers' cgroup and waits until it is empty. */
void shutdown_helpers(const struct launcher *l);

/* handles.c: connections for berthd, in the words of Node's channel. */
int handle_send(int channel, const uint8_t token[TOKEN_SIZE], int fd);
/* Drops what Node says for each that it got; false when its end is closed. */
bool handles_drain(int channel);

call_fn call_mount_overlay, call_mount_bind, call_bind_in_root, call_mount_tmpfs, call_unmount;
call_fn call_pin, call_unpin;
call_fn call_dial, call_interface_counters;
call_fn call_read_in_root, call_mkdir_in_root;
call_fn call_remove_tree, call_syncfs;
call_fn call_lock;

/* op_process.c: quick, without a child. */
void process_signal(struct launcher *l, uint32_t id, struct wire_reader *in);
void process_identify(struct launcher *l, uint32_t id, struct wire_reader *in);

#endif
