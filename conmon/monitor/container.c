#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"
#include "lib/unix_socket.h"
#include "monitor/console.h"
#include "monitor/describe.h"
#include "monitor/monitor.h"
#include "monitor/null.h"
#include "monitor/pidfile.h"
#include "monitor/pipes.h"
#include "monitor/record.h"

static void init_ended(void *owner, int wait_status)
{
  struct monitor *monitor = owner;
  monitor->record.finished_at = clock_realtime_ns();
  monitor->record.status =
      wait_status == CHILD_UNKNOWN ? status_unknown("init was no child of its monitor") : status_of_wait(wait_status);
  monitor->init_gone = true;
  monitor_fire(monitor, EV_INIT_EXITED);
}

static void init_pidfd_ready(void *owner, uint32_t events)
{
  (void)events;
  struct monitor *monitor = owner;
  loop_unwatch(&monitor->loop, &monitor->init_watch);
  init_ended(monitor, CHILD_UNKNOWN);
}

/* As a subreaper we are init's parent once the runtime has left. Should we not be, its pidfd still tells its end. */
static int watch_init(struct monitor *monitor, struct err *err)
{
  siginfo_t info;
  if (TEMP_FAILURE_RETRY(waitid(P_PID, (id_t)monitor->init_pid, &info, WEXITED | WNOHANG | WNOWAIT)) == 0) {
    children_add(&monitor->children, &monitor->init, monitor->init_pid, init_ended, monitor);
    return 0;
  }
  int failed = loop_watch(&monitor->loop, &monitor->init_watch, monitor->init_pidfd, EPOLLIN, init_pidfd_ready, monitor);
  return failed < 0 ? err_set(err, -failed, "watch init %d", (int)monitor->init_pid) : 0;
}

/* The kernel's name of a process changes when it executes a program, and is there until it is reaped. */
static void read_name(pid_t pid, char name[16])
{
  char path[64];
  char text[32];
  snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
  if (read_text(path, text, sizeof(text)) >= 0)
    snprintf(name, 16, "%.15s", text);
}

/* Everything about init that must be known before it runs: its identity, and how often its cgroup saw an OOM kill. */
static int adopt_init(struct monitor *monitor, struct err *err)
{
  if (pidfile_read(monitor->options.pid_file, &monitor->init_pid, err) < 0)
    return -err->code;
  monitor->init_pidfd = proc_pidfd_open(monitor->init_pid);
  if (monitor->init_pidfd < 0)
    return err_set(err, -monitor->init_pidfd, "pidfd_open of init %d", (int)monitor->init_pid);
  if (proc_start_time(monitor->init_pid, &monitor->init_start_time, err) < 0)
    return -err->code;
  container_oom_watch(monitor);
  read_name(monitor->init_pid, monitor->init_name);
  exec_groups_open(&monitor->groups, monitor->init_pid);
  if (watch_init(monitor, err) < 0)
    return -err->code;
  return 0;
}

void container_look_at_init(struct monitor *monitor)
{
  if (monitor->state != S_STARTING || monitor->init_gone || monitor->init_ran)
    return;
  char name[16] = "";
  read_name(monitor->init_pid, name);
  monitor->init_ran = name[0] && strcmp(name, monitor->init_name) != 0;
}

bool container_ends(const struct monitor *monitor)
{
  if (monitor->init_gone)
    return true;
  struct proc_identity init;
  int failed = proc_identify(monitor->init_pid, &init, NULL);
  return failed == -ESRCH || (failed == 0 && (init.exiting || init.start_time != monitor->init_start_time));
}

static void console_path(const struct options *options, char *path, size_t size)
{
  snprintf(path, size, "%s.tty", options->socket);
}

void container_close_console(struct monitor *monitor)
{
  if (monitor->console_fd < 0)
    return;
  char path[PATH_MAX];
  console_path(&monitor->options, path, sizeof(path));
  unlink(path);
  close_fd(&monitor->console_fd);
}

/* Nothing has run: there is nothing to record. */
static void drop_record(struct monitor *monitor)
{
  if (monitor->record_fd >= 0)
    unlink(monitor->options.exit_file);
  close_fd(&monitor->record_fd);
}

static void fail(struct monitor *monitor, const char *message)
{
  drop_record(monitor);
  far_ends_close(&monitor->far);
  container_close_console(monitor);
  monitor_fail(monitor, message);
}

static void fail_with(struct monitor *monitor, const struct err *err)
{
  fail(monitor, describe(err).text);
}

/* Takes the output and the console over, now that the runtime no longer writes to them. */
static int take_stdio(struct monitor *monitor, struct err *err)
{
  int opened = streams_open(monitor, err);
  container_close_console(monitor);
  return opened;
}

int container_take(struct monitor *monitor, struct err *err)
{
  if (adopt_init(monitor, err) == 0 && take_stdio(monitor, err) == 0)
    return 0;
  if (monitor->init_pidfd >= 0)
    proc_pidfd_signal(monitor->init_pidfd, SIGKILL);
  return -err->code;
}

void container_end_call(struct monitor *monitor)
{
  if (monitor->options.tty)
    close_fd(&monitor->call_err_fd);
  monitor->call_err_fd = -1;
}

static void create_done(void *owner, struct call *call)
{
  struct monitor *monitor = owner;
  struct err err;
  container_end_call(monitor);
  if (!call_succeeded(call)) {
    fail(monitor, call_message(call, "create"));
    return;
  }
  if (container_take(monitor, &err) < 0) {
    fail_with(monitor, &err);
    return;
  }
  /* The kill came when the runtime was just done: it has missed init. */
  if (monitor->sigkill_sent) {
    proc_pidfd_signal(monitor->init_pidfd, SIGKILL);
    fail(monitor, "create: killed while the runtime was at work");
    return;
  }
  monitor_fire(monitor, EV_CREATE_OK);
}

static int open_stdio(struct monitor *monitor, struct err *err)
{
  const struct options *o = &monitor->options;
  struct far_ends *far = &monitor->far;
  if (o->tty)
    return pipe_from_child(&monitor->call_err_fd, &far->err, 0, 0, err);
  if (o->stdin_open) {
    int in;
    if (pipe_to_child(&in, &far->in, o->uid, o->gid, err) < 0)
      return -err->code;
    stdin_open(monitor, in);
  } else if ((far->in = null_open(o->bundle, err)) < 0) {
    return -err->code;
  }
  if (pipe_from_child(&monitor->out.fd, &far->out, o->uid, o->gid, err) < 0 ||
      pipe_from_child(&monitor->err.fd, &far->err, o->uid, o->gid, err) < 0)
    return -err->code;
  /* A larger pipe lets a burst of output through while the disk is slow. It may be refused: then it is smaller. */
  fcntl(monitor->out.fd, F_SETPIPE_SZ, PIPE_LOG_SIZE);
  fcntl(monitor->err.fd, F_SETPIPE_SZ, PIPE_LOG_SIZE);
  monitor->call_err_fd = monitor->err.fd;
  return 0;
}

int container_call(struct monitor *monitor, struct runtime_args *args, bool hold, call_fn *done, struct err *err)
{
  const struct options *o = &monitor->options;
  char console[PATH_MAX];
  console_path(o, console, sizeof(console));
  if (o->tty && monitor->console_fd < 0 && (monitor->console_fd = unix_listen(console, err)) < 0)
    return -err->code;
  args_add2(args, "--bundle", o->bundle);
  args_add2(args, "--pid-file", o->pid_file);
  if (o->tty)
    args_add2(args, "--console-socket", console);
  args_add(args, o->id);
  struct spawn_stdio stdio = {monitor->far.in, monitor->far.out, monitor->far.err};
  int failed = call_begin(monitor, &monitor->call, args->argv, &stdio, monitor->call_err_fd, hold, done, monitor, err);
  if (failed >= 0)
    far_ends_close(&monitor->far);
  return failed;
}

static int run_create(struct monitor *monitor, struct err *err)
{
  if (open_stdio(monitor, err) < 0)
    return -err->code;
  if (monitor->options.restore) {
    monitor_fire(monitor, EV_CREATE_OK);
    return 0;
  }
  struct runtime_args args;
  runtime_args(&args, &monitor->options, "create");
  return container_call(monitor, &args, false, create_done, err);
}

void container_create(struct monitor *monitor)
{
  struct err err;
  if (unlink(monitor->options.pid_file) < 0 && errno != ENOENT) {
    err_set(&err, errno, "remove the old pid file %s", monitor->options.pid_file);
    fail_with(monitor, &err);
  } else if (setup_files(monitor, &err) < 0 || run_create(monitor, &err) < 0) {
    fail_with(monitor, &err);
  }
}

static void start_done(void *owner, struct call *call)
{
  struct monitor *monitor = owner;
  close_fd(&monitor->call_err_fd);
  container_look_at_init(monitor);
  /* A runtime that failed, or was killed, after it had let init go on: a hook was unhappy, or init's end came between. */
  if (!call_succeeded(call) && !monitor->init_ran)
    monitor->record.started_at = 0;
  monitor_fire(monitor, call_succeeded(call) ? EV_START_OK : EV_START_FAILED);
}

bool container_start(struct monitor *monitor, struct err *err)
{
  if (monitor->options.restore)
    return restore_start(monitor, err);
  _cleanup_fd_ int far = -1;
  if (pipe_from_child(&monitor->call_err_fd, &far, 0, 0, err) < 0)
    return false;
  struct runtime_args args;
  runtime_args(&args, &monitor->options, "start");
  args_add(&args, monitor->options.id);
  struct spawn_stdio stdio = {-1, -1, far};
  /* Before the call: init may have run and ended when it returns. */
  monitor->record.started_at = clock_realtime_ns();
  if (call_begin(monitor, &monitor->call, args.argv, &stdio, monitor->call_err_fd, false, start_done, monitor, err) >= 0)
    return true;
  monitor->record.started_at = 0;
  close_fd(&monitor->call_err_fd);
  return false;
}

int container_record(struct monitor *monitor, struct err *err)
{
  struct exit_record *record = &monitor->record;
  record->oom = container_oom_judge(monitor);
  struct logger_facts log = logger_facts(&monitor->log);
  record->bytes_logged = log.logged;
  record->bytes_dropped = log.dropped;
  int failed = record_write(monitor->record_fd, monitor->options.exit_file, record, err);
  close_fd(&monitor->record_fd);
  return failed;
}
