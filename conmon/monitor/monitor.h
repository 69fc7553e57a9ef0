/* The monitor of one container: its whole state, and the events that move it. state.c has the table. */
#ifndef CONMON_MONITOR_MONITOR_H
#define CONMON_MONITOR_MONITOR_H

#include "lib/clock.h"
#include "monitor/call.h"
#include "monitor/children.h"
#include "monitor/codec.h"
#include "monitor/conn.h"
#include "monitor/exec_group.h"
#include "monitor/logger.h"
#include "monitor/loop.h"
#include "monitor/oom.h"
#include "monitor/options.h"
#include "monitor/pipes.h"
#include "monitor/server.h"
#include "monitor/stdin.h"

enum state {
  S_CREATING,
  S_CREATED,
  S_STARTING,
  S_RUNNING,
  /* Init has ended; its last output is being read. */
  S_DRAINING,
  S_EXITED,
  S_FAILED,
  /* Nothing more is taken in; out as soon as all is sent and no exec is left. */
  S_LEAVING,
  S_COUNT,
};

enum event {
  EV_CREATE_OK,
  EV_CREATE_FAILED,
  EV_START,
  EV_START_OK,
  EV_START_FAILED,
  /* As a failed start, but there is no init. */
  EV_RESTORE_FAILED,
  EV_INIT_EXITED,
  EV_DRAINED,
  EV_RELEASE,
  EV_CLIENT_GONE,
  /* A connection has said that it has another role. */
  EV_NOT_CONTROL,
  EV_LINGERED,
  EV_COUNT,
};

/* One of the container's output streams. */
struct stream {
  struct monitor *monitor;
  enum log_stream which;
  /* -1 once it has ended. */
  int fd;
  struct source source;
  /* A terminal whose last user has closed it may be opened again. */
  struct timer retry;
};

struct exec;

struct monitor {
  struct options options;
  enum state state;
  struct loop loop;
  int signal_fd;
  struct source signals;
  struct children children;
  struct timer timer;

  int listen_fd;
  struct source listener;
  /* While there are no descriptors for more clients. */
  struct timer accept_again;
  struct conn *conns;
  /* How many of them are attached. */
  unsigned int attached;
  struct exec *execs;
  unsigned int exec_count;
  struct exec_groups groups;
  struct timer trim;

  /* The create, later the start. */
  struct call call;
  int call_err_fd;
  /* What the runtime gets as its stdio, until it is called. */
  struct far_ends far;
  /* Why the restore has failed, while that is told. */
  const char *start_problem;
  /* Who asked for the start; NULL if nobody, or if it has gone. */
  struct conn *starter;
  uint32_t start_tag;
  /* Why the container could not be created. */
  char failure[CALL_TEXT_MAX + 1];

  pid_t init_pid;
  uint64_t init_start_time;
  int init_pidfd;
  struct child init;
  struct source init_watch;
  bool init_gone;
  /* The name that init has before it executes the container's program, and whether it has been seen with another. */
  char init_name[16];
  bool init_ran;
  struct oom oom;
  struct source oom_news;
  struct timer oom_timer;
  unsigned int oom_looks;
  /* A client has asked for init's death. */
  bool sigkill_sent;
  int record_fd;
  struct exit_record record;

  struct container_stdin in;
  int console_fd;
  uint16_t width;
  uint16_t height;
  struct stream out;
  struct stream err;
  struct logger log;
  struct timer log_timer;
  uint8_t buffer[64 * 1024];
};

extern const struct role_ops control_ops;
extern const struct role_ops exec_ops;
extern const struct role_ops attach_ops;
extern const struct role_ops events_ops;

/* setup.c: everything that is needed before the runtime is called. */
int setup_process(struct monitor *monitor, struct err *err);
int setup_files(struct monitor *monitor, struct err *err);
void setup_ready(void);

/* state.c. False if nothing is to happen for this event in this state. */
bool monitor_fire(struct monitor *monitor, enum event event);
struct state_view monitor_view(const struct monitor *monitor);
/* The container cannot be created, for a reason of our own. */
void monitor_fail(struct monitor *monitor, const char *message);

/* container.c: what the events do. */
void container_create(struct monitor *monitor);
bool container_start(struct monitor *monitor, struct err *err);
/* Writes the exit record; negative if the disk would not have it. */
int container_record(struct monitor *monitor, struct err *err);
/* Whether init has ended, told or not, or is about to: what a runtime says of the container then is about that. */
bool container_ends(const struct monitor *monitor);
/* While the start is in flight: sees whether init has come as far as its program. To be called before init is reaped. */
void container_look_at_init(struct monitor *monitor);

/* Calls the runtime, which makes init, with the container's stdio: of `args` bundle, pid file, console and id are missing. */
int container_call(struct monitor *monitor, struct runtime_args *args, bool hold, call_fn *done, struct err *err);
/* What the runtime had of the container's stdio is closed, now that it has ended. */
void container_end_call(struct monitor *monitor);
/* The socket by which the runtime hands a terminal over goes. */
void container_close_console(struct monitor *monitor);
/* Takes init and its output over, now that the runtime has made it. An init that cannot be followed is killed. */
int container_take(struct monitor *monitor, struct err *err);

/* restore.c: a container whose processes CRIU makes again. Until its start there is nothing of it but its monitor. */
bool restore_start(struct monitor *monitor, struct err *err);
/* Whether there is nobody yet who could get a signal. */
bool restore_awaits(const struct monitor *monitor);
/* A signal that comes before the start ends the container. */
void restore_cancel(struct monitor *monitor, uint32_t signum);

/* container_oom.c: tells subscribers of each OOM kill; at the end, whether there was one. */
void container_oom_watch(struct monitor *monitor);
enum oom_verdict container_oom_judge(struct monitor *monitor);

/* streams.c */
int streams_open(struct monitor *monitor, struct err *err);
/* Output that was read before the streams were opened. */
void streams_given(struct stream *stream, const void *data, size_t size);
/* Reads what the pipes hold now; true if both have ended. */
bool streams_drain(struct monitor *monitor);
/* What is left of unfinished lines goes to the log, which is closed. */
void streams_finish(struct monitor *monitor);
/* Tells whoever watches what has happened to the first log file. */
void streams_log_changed(void *owner, enum log_change what);
/* Kept until the terminal is there. */
void streams_resize(struct monitor *monitor, uint16_t width, uint16_t height);

/* exec.c */
void execs_kill(struct monitor *monitor);
void execs_sweep(struct monitor *monitor);

#endif
