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
  loop_unwatch(&stream->exec->monitor->loop, &stream->source);
  close_fd(&stream->fd);
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
      end_stream(stream);
      return;
    }
    total += (size_t)got;
    exec_io_pass(stream, monitor->buffer, (size_t)got);
  }
}

bool exec_io_pump(struct exec *exec)
{
  loop_want(&exec->monitor->loop, &exec->out.source, EPOLLIN);
  loop_want(&exec->monitor->loop, &exec->err.source, EPOLLIN);
  pump(&exec->out, DRAIN_MAX);
  pump(&exec->err, DRAIN_MAX);
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
  if (stream->fd >= 0 && loop_watch(&stream->exec->monitor->loop, &stream->source, stream->fd, EPOLLIN, readable, stream) < 0)
    close_fd(&stream->fd);
}

static void writable(void *owner, uint32_t events)
{
  (void)events;
  struct exec *exec = owner;
  loop_want(&exec->monitor->loop, &exec->in_source, 0);
  if (exec->conn)
    conn_resume(exec->conn);
}

void exec_io_start(struct exec *exec)
{
  watch(&exec->out);
  watch(&exec->err);
  if (exec->in_fd >= 0 && loop_watch(&exec->monitor->loop, &exec->in_source, exec->in_fd, 0, writable, exec) < 0)
    close_fd(&exec->in_fd);
}

static void close_stdin(struct exec *exec)
{
  loop_unwatch(&exec->monitor->loop, &exec->in_source);
  close_fd(&exec->in_fd);
}

enum conn_result exec_io_stdin(struct exec *exec, const struct frame *frame)
{
  /* Until the process runs its pipe would take only so much, and a terminal is not there yet. */
  if (exec->phase < X_RUNNING)
    return CONN_WAIT;
  while (exec->in_fd >= 0 && exec->in_taken < frame->size) {
    ssize_t put = write(exec->in_fd, frame->data + exec->in_taken, frame->size - exec->in_taken);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0 && errno == EAGAIN) {
      loop_want(&exec->monitor->loop, &exec->in_source, EPOLLOUT);
      return CONN_WAIT;
    }
    /* Nobody reads any more: that ends the input, not the session. */
    if (put < 0)
      close_stdin(exec);
    else
      exec->in_taken += (size_t)put;
  }
  exec->in_taken = 0;
  return CONN_TAKEN;
}

void exec_io_stdin_eof(struct exec *exec)
{
  if (exec->tty && exec->in_fd >= 0)
    console_end_input(exec->in_fd);
  else
    close_stdin(exec);
}

void exec_io_close(struct exec *exec)
{
  close_stdin(exec);
  end_stream(&exec->out);
  end_stream(&exec->err);
  close_fd(&exec->console_fd);
}
