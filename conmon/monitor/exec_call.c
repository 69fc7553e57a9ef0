#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "lib/unix_socket.h"
#include "monitor/console.h"
#include "monitor/describe.h"
#include "monitor/exec.h"
#include "monitor/null.h"
#include "monitor/pidfile.h"
#include "monitor/pipes.h"
#include "monitor/tree.h"

/* The names of an exec's short-lived files. */
struct paths {
  char process[PATH_MAX];
  char pid[PATH_MAX];
  /* runc writes the pid here and renames it; killed between the two it leaves this one. */
  char half_pid[PATH_MAX];
  char console[PATH_MAX];
};

static void paths_of(const struct exec *exec, struct paths *paths)
{
  const struct options *o = &exec->monitor->options;
  snprintf(paths->process, sizeof(paths->process), "%s.x%u.json", o->pid_file, exec->number);
  snprintf(paths->pid, sizeof(paths->pid), "%s.x%u", o->pid_file, exec->number);
  const char *slash = strrchr(o->pid_file, '/');
  const char *name = slash ? slash + 1 : o->pid_file;
  snprintf(paths->half_pid, sizeof(paths->half_pid), "%.*s.%s.x%u", (int)(name - o->pid_file), o->pid_file, name,
           exec->number);
  snprintf(paths->console, sizeof(paths->console), "%s.x%u", o->socket, exec->number % 100000000);
}

void exec_remove_files(const struct exec *exec)
{
  struct paths paths;
  paths_of(exec, &paths);
  unlink(paths.process);
  unlink(paths.pid);
  unlink(paths.half_pid);
  if (exec->tty)
    unlink(paths.console);
}

static int take_console(struct exec *exec, struct err *err)
{
  if (!exec->tty)
    return 0;
  int master = console_take(exec->console_fd, err);
  if (master < 0)
    return master;
  exec->out.fd = master;
  /* The loop watches a descriptor once: input and output each have their own. */
  exec->in.fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
  console_resize(master, exec->width, exec->height);
  return exec->in.fd < 0 ? err_set(err, errno, "duplicate the terminal") : 0;
}

static int open_stdio(struct exec *exec, const char *console, struct far_ends *far, struct err *err)
{
  const struct options *o = &exec->monitor->options;
  if (exec->tty) {
    exec->console_fd = unix_listen(console, err);
    return exec->console_fd < 0 ? exec->console_fd : pipe_from_child(&exec->call_err_fd, &far->err, 0, 0, err);
  }
  if (exec->with_stdin) {
    if (pipe_to_child(&exec->in.fd, &far->in, o->uid, o->gid, err) < 0)
      return -err->code;
  } else if ((far->in = null_open(o->bundle, err)) < 0) {
    return -err->code;
  }
  if (pipe_from_child(&exec->out.fd, &far->out, o->uid, o->gid, err) < 0 ||
      pipe_from_child(&exec->err.fd, &far->err, o->uid, o->gid, err) < 0)
    return -err->code;
  exec->call_err_fd = exec->err.fd;
  return 0;
}

/* A terminal's stderr pipe was the runtime's alone; otherwise it is the process's own. */
static void end_call_stderr(struct exec *exec)
{
  if (exec->tty)
    close_fd(&exec->call_err_fd);
  exec->call_err_fd = -1;
}

static void call_done(void *owner, struct call *call);

static int call_runtime(struct exec *exec, struct err *err)
{
  struct monitor *monitor = exec->monitor;
  _cleanup_far_ends_ struct far_ends far = {-1, -1, -1};
  struct paths paths;
  paths_of(exec, &paths);
  exec->phase = X_CALLING;
  if (open_stdio(exec, paths.console, &far, err) < 0)
    return -err->code;
  if (!exec->group.of)
    exec_group_make(&exec->group, &monitor->groups, &monitor->loop, exec->number);
  struct runtime_args args;
  runtime_args(&args, &monitor->options, "exec");
  args_add2(&args, "--process", paths.process);
  args_add2(&args, "--pid-file", paths.pid);
  args_add(&args, "--detach");
  char group[GROUP_NAME_SIZE];
  exec->by_runtime = exec->group.of && monitor->groups.use == GROUPS_BY_RUNTIME;
  if (exec->by_runtime) {
    exec_group_argument(&exec->group, group);
    args_add2(&args, "--cgroup", group);
  }
  if (exec->tty)
    args_add2(&args, "--console-socket", paths.console);
  args_add(&args, monitor->options.id);
  struct spawn_stdio stdio = {far.in, far.out, far.err};
  bool hold = !exec->tty;
  return call_begin(monitor, &exec->call, args.argv, &stdio, exec->call_err_fd, hold, call_done, exec, err);
}

static void call_or_fail(struct exec *exec)
{
  struct err err;
  if (call_runtime(exec, &err) < 0)
    exec_fails(exec, PE_SYSTEM, describe(&err).text);
}

/* The cgroup, not the command, was what the runtime would not have: no exec of this container tries that again. */
static bool refuses_group(const struct exec *exec, struct call *call)
{
  return !exec->killed && exec->by_runtime && strstr(call_message(call, "exec"), GROUP_NAME);
}

static void call_done(void *owner, struct call *call)
{
  struct exec *exec = owner;
  struct err err;
  struct paths paths;
  paths_of(exec, &paths);
  bool called = call_succeeded(call);
  end_call_stderr(exec);
  /* Whatever its words are, it is the end of the container that the runtime has met. */
  if (!called && !exec->killed && container_ends(exec->monitor)) {
    exec_too_late(exec);
    return;
  }
  if (!called && refuses_group(exec, call)) {
    exec->monitor->groups.use = GROUPS_AFTERWARDS;
    exec_io_close(exec);
    call_or_fail(exec);
    return;
  }
  bool known = called && pidfile_read(paths.pid, &exec->pid, &err) == 0;
  exec_remove_files(exec);
  if (!known && exec->killed) {
    exec_never_ran(exec);
  } else if (!called) {
    exec_fails(exec, PE_RUNTIME, call_message(call, "exec"));
  } else if (!known) {
    exec_fails(exec, PE_SYSTEM, describe(&err).text);
  } else if (take_console(exec, &err) < 0) {
    tree_kill(exec->pid);
    exec_group_kill(&exec->group);
    exec_fails(exec, PE_SYSTEM, describe(&err).text);
  } else {
    exec_group_place(&exec->group, exec->pid);
    exec_runs(exec, call);
  }
}

/* The runtime's help has come: who has waited for it goes on. */
static void answered(void *owner, struct call *call)
{
  struct monitor *monitor = owner;
  exec_groups_decide(&monitor->groups, call->size > 0 ? call_message(call, "exec --help") : "");
  close_fd(&monitor->call_err_fd);
  for (struct exec *exec = monitor->execs; exec; exec = exec->next)
    if (exec->phase == X_WAITING)
      call_or_fail(exec);
}

/* The first exec pays for the question; most containers have none. The start is over, so its call is free. */
static int ask_runtime(struct monitor *monitor, struct err *err)
{
  if (monitor->call.active)
    return 0;
  _cleanup_fd_ int far = -1;
  if (pipe_from_child(&monitor->call_err_fd, &far, 0, 0, err) < 0)
    return -err->code;
  struct runtime_args args = {0};
  args_add(&args, monitor->options.runtime);
  args_add(&args, "exec");
  args_add(&args, "--help");
  struct spawn_stdio stdio = {-1, far, far};
  int failed = call_begin(monitor, &monitor->call, args.argv, &stdio, monitor->call_err_fd, false, answered, monitor, err);
  if (failed < 0)
    close_fd(&monitor->call_err_fd);
  return failed;
}

static int write_process(const struct exec *exec, const struct exec_request *request, struct err *err)
{
  struct paths paths;
  paths_of(exec, &paths);
  _cleanup_fd_ int fd = open_once(paths.process, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  int failed = fd < 0 ? -errno : write_full(fd, request->process, request->process_size);
  return failed < 0 ? err_set(err, -failed, "write %.200s", paths.process) : 0;
}

int exec_prepare(struct exec *exec, const struct exec_request *request, struct err *err)
{
  int failed = write_process(exec, request, err);
  if (failed < 0)
    return failed;
  if (exec->monitor->groups.use == GROUPS_UNTRIED)
    return ask_runtime(exec->monitor, err);
  return call_runtime(exec, err);
}
