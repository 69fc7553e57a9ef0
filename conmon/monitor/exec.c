#include "monitor/exec.h"

#include <malloc.h>
#include <stdlib.h>

#include "monitor/console.h"
#include "monitor/describe.h"
#include "monitor/memory.h"
#include "monitor/tree.h"

/* So long after the last exec its memory goes back to the system: not after each, for the next may come at once. */
#define TRIM_AFTER_MS 1000

static const char not_running[] = "the container is not running";

/* The client has its last frame; what is left to do is done without it. */
static void let_go(struct exec *exec)
{
  struct conn *conn = exec->conn;
  exec->conn = NULL;
  if (conn) {
    conn->owner = NULL;
    conn_finish(conn);
  }
}

/* Nothing more comes of it. The memory stays until execs_sweep. */
static void close_exec(struct exec *exec)
{
  struct loop *loop = &exec->monitor->loop;
  loop_disarm(loop, &exec->deadline);
  loop_disarm(loop, &exec->grace);
  exec_io_close(exec);
  exec_remove_files(exec);
  exec_group_leave(&exec->group);
  exec->phase = X_DONE;
  let_go(exec);
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

void exec_fails(struct exec *exec, enum protocol_error code, const char *message)
{
  if (exec->conn)
    conn_error(exec->conn, exec->tag, code, message);
  close_exec(exec);
}

void exec_too_late(struct exec *exec)
{
  exec_fails(exec, PE_STATE, not_running);
}

void exec_never_ran(struct exec *exec)
{
  if (!exec->timed_out && container_ends(exec->monitor)) {
    exec_too_late(exec);
    return;
  }
  exec->status = status_unknown(exec->timed_out ? "the deadline passed before the process ran" : "killed before the process ran");
  finish(exec);
}

/* It is dead as soon as it can be: the client is told so now, the rest is seen to when it happens. */
static void out_of_patience(void *owner)
{
  struct exec *exec = owner;
  exec->status = status_unknown("killed, but the kernel has not ended it yet");
  send_exit(exec);
  let_go(exec);
}

static void kill_tree(struct exec *exec)
{
  if (exec->phase == X_WAITING) {
    exec_never_ran(exec);
    return;
  }
  if (exec->phase != X_CALLING && exec->phase != X_RUNNING)
    return;
  if (!exec->killed)
    loop_arm(&exec->monitor->loop, &exec->grace, EXEC_PATIENCE_MS, out_of_patience, exec);
  exec->killed = true;
  /* The group first: at one blow, and a fork bomb leaves the walk nothing to chase. The walk finds who has left the group. */
  exec_group_kill(&exec->group);
  if (exec->phase == X_CALLING)
    call_kill(&exec->call);
  else
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
  exec_group_leave(&exec->group);
  exec->phase = X_DRAINING;
  loop_disarm(&exec->monitor->loop, &exec->deadline);
  loop_arm(&exec->monitor->loop, &exec->grace, EXEC_GRACE_MS, grace_passed, exec);
  exec_io_drain(exec);
  exec_check_end(exec);
}

void exec_runs(struct exec *exec, const struct call *call)
{
  struct monitor *monitor = exec->monitor;
  exec->phase = X_RUNNING;
  children_add(&monitor->children, &exec->child, exec->pid, process_ended, exec);
  if (exec->conn) {
    _cleanup_wire_ struct wire_writer payload = wire_writer(4);
    wire_put_u32(&payload, (uint32_t)exec->pid);
    /* A short command has ended by now: its output and EXIT go with this. */
    conn_post(exec->conn, FRAME_STARTED, exec->tag, &payload);
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

static void deadline_passed(void *owner)
{
  struct exec *exec = owner;
  exec->timed_out = true;
  kill_tree(exec);
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
  exec->with_stdin = request->flags & EXEC_STDIN;
  exec->output_cap = request->output_cap;
  exec->call_err_fd = exec->console_fd = exec->in.fd = -1;
  exec->out = (struct exec_stream){.exec = exec, .type = FRAME_STDOUT, .fd = -1};
  exec->err = (struct exec_stream){.exec = exec, .type = FRAME_STDERR, .fd = -1};
  exec->number = ++monitor->exec_count;
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
    conn_refuse(conn, frame->tag, PE_STATE, not_running);
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
  if (exec_prepare(exec, &request, &err) < 0)
    exec_fails(exec, PE_SYSTEM, describe(&err).text);
}

/* Before the terminal is there its size is kept: waiting would hold up what comes behind. */
static void resize(struct exec *exec, uint16_t width, uint16_t height)
{
  if (width == 0 || height == 0)
    return;
  exec->width = width;
  exec->height = height;
  if (exec->tty && exec->out.fd >= 0)
    console_resize(exec->out.fd, width, height);
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
    if (frame->size == 0)
      return exec_io_stdin_eof(exec);
    break;
  default:
    if (parse_resize(frame, &width, &height)) {
      resize(exec, width, height);
      return CONN_TAKEN;
    }
  }
  conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
  return CONN_TAKEN;
}

static void on_drained(struct conn *conn)
{
  struct exec *exec = conn->owner;
  if (!exec || exec->phase < X_RUNNING)
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

static void give_memory_back(void *owner)
{
  struct monitor *monitor = owner;
  if (monitor->execs)
    return;
  malloc_trim(0);
  memory_give_back(monitor->buffer, sizeof(monitor->buffer));
}

void execs_sweep(struct monitor *monitor)
{
  bool any = monitor->execs != NULL;
  for (struct exec **at = &monitor->execs; *at;) {
    struct exec *exec = *at;
    if (exec->phase == X_DONE && !exec_group_is_busy(&exec->group)) {
      *at = exec->next;
      free(exec);
    } else {
      at = &exec->next;
    }
  }
  if (any && !monitor->execs)
    loop_arm(&monitor->loop, &monitor->trim, TRIM_AFTER_MS, give_memory_back, monitor);
}
