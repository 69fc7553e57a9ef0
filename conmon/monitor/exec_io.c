#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/console.h"
#include "monitor/exec.h"

#define READ_SIZE (32u * 1024)
#define READS_PER_TURN 4
#define DRAIN_MAX (128u * 1024)

bool exec_io_blocked(const struct exec *exec)
{
  return exec->conn && conn_backlog(exec->conn) > CONN_HIGH;
}

/* What is beyond the cap is read, so that the process goes on, and dropped. */
void exec_io_pass(struct exec_stream *stream, const void *data, size_t size)
{
  struct exec *exec = stream->exec;
  if (exec->output_cap > 0 && size > exec->output_cap - stream->passed) {
    size = (size_t)(exec->output_cap - stream->passed);
    exec->truncated = true;
  }
  stream->passed += size;
  if (size > 0 && exec->conn)
    conn_send(exec->conn, stream->type, exec->tag, data, size);
}

static void end_stream(struct exec_stream *stream)
{
  struct loop *loop = &stream->exec->monitor->loop;
  loop_disarm(loop, &stream->retry);
  loop_unwatch(loop, &stream->source);
  close_fd(&stream->fd);
}

static void try_again(void *owner)
{
  struct exec_stream *stream = owner;
  loop_want(&stream->exec->monitor->loop, &stream->source, EPOLLIN);
}

static void at_end(struct exec_stream *stream)
{
  struct exec *exec = stream->exec;
  if (!exec->tty || exec->phase != X_RUNNING) {
    end_stream(stream);
    return;
  }
  loop_want(&exec->monitor->loop, &stream->source, 0);
  loop_arm(&exec->monitor->loop, &stream->retry, CONSOLE_RETRY_MS, try_again, stream);
}

/* Reads until nothing is there, the client is too slow, or `limit` bytes; ends the stream at its end. */
static void pump(struct exec_stream *stream, size_t limit)
{
  struct monitor *monitor = stream->exec->monitor;
  for (size_t total = 0; stream->fd >= 0 && total < limit;) {
    if (exec_io_blocked(stream->exec)) {
      loop_want(&monitor->loop, &stream->source, 0);
      return;
    }
    ssize_t got = read_once(stream->fd, monitor->buffer, READ_SIZE);
    if (got < 0 && errno == EAGAIN)
      return;
    if (got <= 0) {
      at_end(stream);
      return;
    }
    total += (size_t)got;
    stream->owed -= (size_t)got < stream->owed ? (size_t)got : stream->owed;
    exec_io_pass(stream, monitor->buffer, (size_t)got);
  }
}

static void count_owed(struct exec_stream *stream)
{
  int capacity = stream->fd < 0 ? 0 : fcntl(stream->fd, F_GETPIPE_SZ);
  stream->owed = capacity >= 0 ? (size_t)capacity : DRAIN_MAX;
}

void exec_io_drain(struct exec *exec)
{
  count_owed(&exec->out);
  count_owed(&exec->err);
  exec_io_pump(exec);
}

bool exec_io_pump(struct exec *exec)
{
  loop_want(&exec->monitor->loop, &exec->out.source, EPOLLIN);
  loop_want(&exec->monitor->loop, &exec->err.source, EPOLLIN);
  bool draining = exec->phase == X_DRAINING;
  pump(&exec->out, draining ? exec->out.owed : DRAIN_MAX);
  pump(&exec->err, draining ? exec->err.owed : DRAIN_MAX);
  return exec->out.fd < 0 && exec->err.fd < 0;
}

static void readable(void *owner, uint32_t events)
{
  (void)events;
  struct exec_stream *stream = owner;
  pump(stream, READ_SIZE * READS_PER_TURN);
  exec_check_end(stream->exec);
}

static void watch(struct exec_stream *stream)
{
  struct loop *loop = &stream->exec->monitor->loop;
  /* What is watched for nothing cannot be refused; what is wanted and refused is tried again. */
  if (stream->fd >= 0 && loop_watch(loop, &stream->source, stream->fd, 0, readable, stream) == 0)
    loop_want(loop, &stream->source, EPOLLIN);
}

static void on_room(void *owner)
{
  struct exec *exec = owner;
  if (exec->conn)
    conn_resume(exec->conn);
}

void exec_io_start(struct exec *exec)
{
  watch(&exec->out);
  watch(&exec->err);
  input_open(&exec->in, &exec->monitor->loop, exec->in.fd, exec->tty, on_room, exec);
}

/* Until the process runs its pipe would take only so much, and a terminal is not there yet. */
enum conn_result exec_io_stdin(struct exec *exec, const struct frame *frame)
{
  bool taken = exec->phase >= X_RUNNING && input_write(&exec->in, frame->data, frame->size) == INPUT_TAKEN;
  return taken ? CONN_TAKEN : CONN_WAIT;
}

enum conn_result exec_io_stdin_eof(struct exec *exec)
{
  return exec->phase >= X_RUNNING && input_end(&exec->in) == INPUT_TAKEN ? CONN_TAKEN : CONN_WAIT;
}

void exec_io_close(struct exec *exec)
{
  input_close(&exec->in);
  end_stream(&exec->out);
  end_stream(&exec->err);
  close_fd(&exec->console_fd);
  if (exec->tty)
    close_fd(&exec->call_err_fd);
}
