#include "monitor/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/console.h"
#include "monitor/describe.h"
#include "monitor/pidfile.h"
#include "monitor/pipes.h"
#include "monitor/tree.h"

static void remove_files(struct exec *exec)
{
  unlink(exec->process_path);
  unlink(exec->pid_path);
  if (exec->tty)
    unlink(exec->console_path);
}

/* Nothing more comes of it: the client has its last frame. The memory stays until execs_sweep. */
static void close_exec(struct exec *exec)
{
  struct loop *loop = &exec->monitor->loop;
  loop_disarm(loop, &exec->deadline);
  loop_disarm(loop, &exec->grace);
  exec_io_close(exec);
  exec->phase = X_DONE;
  struct conn *conn = exec->conn;
  exec->conn = NULL;
  if (conn) {
    conn->owner = NULL;
    conn_finish(conn);
  }
}

static void send_exit(struct exec *exec)
{
  if (!exec->conn)
    return;
  _cleanup_wire_ struct wire_writer payload = wire_writer(256);
  put_status(&payload, &exec->status);
  wire_put_u8(&payload, (uint8_t)((exec->timed_out ? EXIT_TIMED_OUT : 0) | (exec->truncated ? EXIT_TRUNCATED : 0)));
  conn_send_wire(exec->conn, FRAME_EXIT, exec->tag, &payload);
}

static void finish(struct exec *exec)
{
  send_exit(exec);
  close_exec(exec);
}

static void fail(struct exec *exec, enum protocol_error code, const char *message)
{
  if (exec->conn)
    conn_error(exec->conn, exec->tag, code, message);
  close_exec(exec);
}

static void kill_tree(struct exec *exec)
{
  exec->killed = true;
  if (exec->phase == X_CALLING)
    call_kill(&exec->call);
  else if (exec->phase == X_RUNNING)
    tree_kill(exec->pid);
}

void exec_check_end(struct exec *exec)
{
  bool ended = exec->out.fd < 0 && exec->err.fd < 0;
  if (exec->phase == X_DRAINING && (ended || (exec->grace_over && !exec_io_blocked(exec))))
    finish(exec);
}

static void grace_passed(void *owner)
{
  struct exec *exec = owner;
  exec->grace_over = true;
  exec_io_pump(exec);
  exec_check_end(exec);
}

static void process_ended(void *owner, int wait_status)
{
  struct exec *exec = owner;
  exec->status = wait_status == CHILD_UNKNOWN ? status_unknown("the process was no child of the monitor") : status_of_wait(wait_status);
  exec->phase = X_DRAINING;
  loop_disarm(&exec->monitor->loop, &exec->deadline);
  loop_arm(&exec->monitor->loop, &exec->grace, EXEC_GRACE_MS, grace_passed, exec);
  exec_io_pump(exec);
  exec_check_end(exec);
}

static int take_console(struct exec *exec, struct err *err)
{
  if (!exec->tty)
    return 0;
  close_fd(&exec->call_err_fd);
  int master = console_take(exec->console_fd, err);
  if (master < 0)
    return master;
  exec->out.fd = master;
  /* The loop watches a descriptor once: input and output each have their own. */
  exec->in_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
  return exec->in_fd < 0 ? err_set(err, errno, "duplicate the terminal") : 0;
}

static void run_on(struct exec *exec, const struct call *call)
{
  struct monitor *monitor = exec->monitor;
  exec->phase = X_RUNNING;
  children_add(&monitor->children, &exec->child, exec->pid, process_ended, exec);
  if (exec->conn) {
    _cleanup_wire_ struct wire_writer payload = wire_writer(4);
    wire_put_u32(&payload, (uint32_t)exec->pid);
    conn_send_wire(exec->conn, FRAME_STARTED, exec->tag, &payload);
  }
  /* What came on stderr during the call was the process's own already. */
  if (!exec->tty && call->size > 0)
    exec_io_pass(&exec->err, call->text, call->size);
  exec->truncated = exec->truncated || call->lost;
  exec_io_start(exec);
  if (exec->killed)
    kill_tree(exec);
  if (exec->conn)
    conn_resume(exec->conn);
}

static void call_done(void *owner, struct call *call)
{
  struct exec *exec = owner;
  struct err err;
  bool ok = call_succeeded(call) && pidfile_read(exec->pid_path, &exec->pid, &err) == 0;
  remove_files(exec);
  if (!ok && exec->timed_out) {
    exec->status = status_unknown("the deadline passed before the process ran");
    finish(exec);
  } else if (!call_succeeded(call)) {
    fail(exec, PE_RUNTIME, call_message(call, "exec"));
  } else if (!ok) {
    fail(exec, PE_SYSTEM, describe(&err).text);
  } else if (take_console(exec, &err) < 0) {
    tree_kill(exec->pid);
    fail(exec, PE_SYSTEM, describe(&err).text);
  } else {
    run_on(exec, call);
  }
}

static void deadline_passed(void *owner)
{
  struct exec *exec = owner;
  exec->timed_out = true;
  kill_tree(exec);
}

static int write_process(const struct exec *exec, const struct exec_request *request, struct err *err)
{
  _cleanup_fd_ int fd = open(exec->process_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  int failed = fd < 0 ? -errno : write_full(fd, request->process, request->process_size);
  return failed < 0 ? err_set(err, -failed, "write %.200s", exec->process_path) : 0;
}

static int open_stdio(struct exec *exec, bool with_stdin, struct far_ends *far, struct err *err)
{
  const struct options *o = &exec->monitor->options;
  if (exec->tty) {
    exec->console_fd = console_listen(exec->console_path, err);
    return exec->console_fd < 0 ? exec->console_fd : pipe_from_child(&exec->call_err_fd, &far->err, 0, 0, err);
  }
  if (with_stdin && pipe_to_child(&exec->in_fd, &far->in, o->uid, o->gid, err) < 0)
    return -err->code;
  if (pipe_from_child(&exec->out.fd, &far->out, o->uid, o->gid, err) < 0 ||
      pipe_from_child(&exec->err.fd, &far->err, o->uid, o->gid, err) < 0)
    return -err->code;
  exec->call_err_fd = exec->err.fd;
  return 0;
}

static int run_call(struct exec *exec, const struct exec_request *request, struct err *err)
{
  _cleanup_far_ends_ struct far_ends far = {-1, -1, -1};
  const struct options *o = &exec->monitor->options;
  if (open_stdio(exec, request->flags & EXEC_STDIN, &far, err) < 0 || write_process(exec, request, err) < 0)
    return -err->code;
  struct runtime_args args;
  runtime_args(&args, o, "exec");
  args_add2(&args, "--process", exec->process_path);
  args_add2(&args, "--pid-file", exec->pid_path);
  args_add(&args, "--detach");
  if (exec->tty)
    args_add2(&args, "--console-socket", exec->console_path);
  args_add(&args, o->id);
  struct spawn_stdio stdio = {far.in, far.out, far.err};
  bool hold = !exec->tty;
  return call_begin(exec->monitor, &exec->call, args.argv, &stdio, exec->call_err_fd, hold, call_done, exec, err);
}

static struct exec *new_exec(struct conn *conn, uint32_t tag, const struct exec_request *request)
{
  struct monitor *monitor = conn->monitor;
  struct exec *exec = calloc(1, sizeof(*exec));
  if (!exec)
    return NULL;
  exec->monitor = monitor;
  exec->conn = conn;
  exec->tag = tag;
  exec->tty = request->flags & EXEC_TTY;
  exec->output_cap = request->output_cap;
  exec->call_err_fd = exec->console_fd = exec->in_fd = -1;
  exec->out = (struct exec_stream){.exec = exec, .type = FRAME_STDOUT, .fd = -1};
  exec->err = (struct exec_stream){.exec = exec, .type = FRAME_STDERR, .fd = -1};
  unsigned int number = ++monitor->exec_count;
  snprintf(exec->process_path, sizeof(exec->process_path), "%s.x%u.json", monitor->options.pid_file, number);
  snprintf(exec->pid_path, sizeof(exec->pid_path), "%s.x%u", monitor->options.pid_file, number);
  snprintf(exec->console_path, sizeof(exec->console_path), "%s.x%u", monitor->options.socket, number % 100000000);
  exec->next = monitor->execs;
  monitor->execs = exec;
  conn->owner = exec;
  return exec;
}

static void begin(struct conn *conn, const struct frame *frame)
{
  struct exec_request request;
  struct err err;
  if (!parse_exec(frame, &request)) {
    conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
    return;
  }
  if (conn->monitor->state != S_RUNNING || conn->monitor->init_gone) {
    conn_refuse(conn, frame->tag, PE_STATE, "the container is not running");
    return;
  }
  struct exec *exec = new_exec(conn, frame->tag, &request);
  if (!exec) {
    conn_refuse(conn, frame->tag, PE_SYSTEM, "out of memory");
    return;
  }
  /* Armed before the runtime runs: it counts against the time too. */
  if (request.timeout_ms > 0)
    loop_arm(&conn->monitor->loop, &exec->deadline, request.timeout_ms, deadline_passed, exec);
  if (run_call(exec, &request, &err) < 0) {
    remove_files(exec);
    fail(exec, PE_SYSTEM, describe(&err).text);
  }
}

static enum conn_result on_frame(struct conn *conn, const struct frame *frame)
{
  struct exec *exec = conn->owner;
  uint16_t width;
  uint16_t height;
  if (frame->type == FRAME_EXEC && !exec) {
    begin(conn, frame);
    return CONN_TAKEN;
  }
  if (!exec || frame->type == FRAME_EXEC) {
    conn_refuse(conn, frame->tag, PE_STATE, exec ? "this connection has its exec already" : "expected EXEC");
    return CONN_TAKEN;
  }
  switch (frame->type) {
  case FRAME_STDIN:
    return exec_io_stdin(exec, frame);
  case FRAME_STDIN_EOF:
    if (exec->phase == X_CALLING)
      return CONN_WAIT;
    exec_io_stdin_eof(exec);
    return CONN_TAKEN;
  default:
    if (exec->phase == X_CALLING)
      return CONN_WAIT;
    if (!parse_resize(frame, &width, &height))
      conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
    else if (exec->tty && exec->out.fd >= 0)
      console_resize(exec->out.fd, width, height);
    return CONN_TAKEN;
  }
}

static void on_drained(struct conn *conn)
{
  struct exec *exec = conn->owner;
  if (!exec || exec->phase == X_CALLING)
    return;
  exec_io_pump(exec);
  exec_check_end(exec);
}

/* Without its client an exec has no purpose: its tree goes, as when a terminal is closed. */
static void on_closed(struct conn *conn)
{
  struct exec *exec = conn->owner;
  conn->owner = NULL;
  if (!exec)
    return;
  exec->conn = NULL;
  kill_tree(exec);
  if (exec->phase == X_DRAINING)
    close_exec(exec);
}

const struct role_ops exec_ops = {.frame = on_frame, .drained = on_drained, .closed = on_closed};

void execs_kill(struct monitor *monitor)
{
  for (struct exec *exec = monitor->execs; exec; exec = exec->next)
    kill_tree(exec);
}

void execs_sweep(struct monitor *monitor)
{
  for (struct exec **at = &monitor->execs; *at;) {
    struct exec *exec = *at;
    /* A killed process of a session that failed late may still be on the list of children. */
    if (exec->phase == X_DONE && !exec->child.ended && !exec->call.active) {
      *at = exec->next;
      free(exec);
    } else {
      at = &exec->next;
    }
  }
}
