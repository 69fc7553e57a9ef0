#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/attach.h"
#include "monitor/console.h"
#include "monitor/events.h"
#include "monitor/memory.h"
#include "monitor/monitor.h"

/* Reads of one stream before others get their turn. */
#define READS_PER_TURN 4
/* More than a terminal holds: the kernel buffers 64 KiB, and 4 KiB of a line discipline. */
#define TTY_DRAIN_MAX (128u * 1024)

enum read_result { READ_SOME, READ_NOTHING, READ_END };

static struct timespec clock_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

void streams_log_changed(void *owner, enum log_change what)
{
  const struct monitor *monitor = owner;
  struct logger_facts log = logger_facts(&monitor->log);
  struct log_notice notice = {.what = what, .inode = log.inode, .size = log.size, .dropped = log.dropped};
  events_log(monitor, &notice);
}

static void log_tick(void *owner)
{
  struct monitor *monitor = owner;
  int64_t next = logger_tick(&monitor->log, clock_now(), loop_now());
  if (next > 0)
    loop_arm(&monitor->loop, &monitor->log_timer, next, log_tick, monitor);
  else
    memory_give_back(monitor->buffer, sizeof(monitor->buffer));
}

/* The timer is left to run out: when it does it is early enough to see how long nothing has come. */
static void log_written(struct monitor *monitor)
{
  logger_flush(&monitor->log, loop_now());
  if (!monitor->log_timer.fire)
    loop_arm(&monitor->loop, &monitor->log_timer, LOGGER_IDLE_MS, log_tick, monitor);
}

static void take(struct stream *stream, const uint8_t *data, size_t size)
{
  struct monitor *monitor = stream->monitor;
  if (logger_keeps(&monitor->log))
    logger_feed(&monitor->log, stream->which, clock_now(), data, size);
  if (monitor->attached > 0) {
    logger_flush(&monitor->log, loop_now());
    attach_output(monitor, stream->which, data, size);
  }
}

void streams_given(struct stream *stream, const void *data, size_t size)
{
  take(stream, data, size);
  log_written(stream->monitor);
}

static enum read_result read_some(struct stream *stream, size_t *total)
{
  struct monitor *monitor = stream->monitor;
  ssize_t got = read_once(stream->fd, monitor->buffer, sizeof(monitor->buffer));
  if (got < 0 && errno == EAGAIN)
    return READ_NOTHING;
  if (got <= 0)
    return READ_END;
  take(stream, monitor->buffer, (size_t)got);
  *total += (size_t)got;
  return READ_SOME;
}

static void end_stream(struct stream *stream)
{
  struct loop *loop = &stream->monitor->loop;
  loop_disarm(loop, &stream->retry);
  loop_unwatch(loop, &stream->source);
  close_fd(&stream->fd);
}

static bool all_ended(const struct monitor *monitor)
{
  return monitor->out.fd < 0 && monitor->err.fd < 0;
}

static void try_again(void *owner)
{
  struct stream *stream = owner;
  loop_want(&stream->monitor->loop, &stream->source, EPOLLIN);
}

static void at_end(struct stream *stream)
{
  struct monitor *monitor = stream->monitor;
  if (monitor->options.tty && !monitor->init_gone) {
    loop_want(&monitor->loop, &stream->source, 0);
    loop_arm(&monitor->loop, &stream->retry, CONSOLE_RETRY_MS, try_again, stream);
    return;
  }
  end_stream(stream);
}

static void readable(void *owner, uint32_t events)
{
  (void)events;
  struct stream *stream = owner;
  struct monitor *monitor = stream->monitor;
  size_t total = 0;
  enum read_result result = READ_SOME;
  for (int i = 0; result == READ_SOME && i < READS_PER_TURN; i++)
    result = read_some(stream, &total);
  log_written(monitor);
  if (result == READ_END)
    at_end(stream);
  if (monitor->state == S_DRAINING && all_ended(monitor))
    monitor_fire(monitor, EV_DRAINED);
}

static int watch(struct stream *stream, struct err *err)
{
  int failed = loop_watch(&stream->monitor->loop, &stream->source, stream->fd, EPOLLIN, readable, stream);
  return failed < 0 ? err_set(err, -failed, "watch the container's output") : 0;
}

/* The loop watches a descriptor once: input and output each have their own. */
static int open_tty_input(struct monitor *monitor, struct err *err)
{
  if (!monitor->options.stdin_open)
    return 0;
  int in = fcntl(monitor->out.fd, F_DUPFD_CLOEXEC, 3);
  if (in < 0)
    return err_set(err, errno, "duplicate the terminal");
  stdin_open(monitor, in);
  return 0;
}

int streams_open(struct monitor *monitor, struct err *err)
{
  if (!monitor->options.tty)
    return watch(&monitor->out, err) < 0 || watch(&monitor->err, err) < 0 ? -err->code : 0;
  int master = console_take(monitor->console_fd, err);
  if (master < 0)
    return master;
  monitor->out.fd = master;
  console_resize(master, monitor->width, monitor->height);
  return open_tty_input(monitor, err) < 0 ? -err->code : watch(&monitor->out, err);
}

/*
 * What init has written is in the pipe when it has ended, and a pipe holds no more than its size: reading so much is
 * enough even while another process goes on filling it.
 */
static void drain(struct stream *stream)
{
  if (stream->fd < 0)
    return;
  int capacity = fcntl(stream->fd, F_GETPIPE_SZ);
  size_t limit = capacity > 0 ? (size_t)capacity : TTY_DRAIN_MAX;
  size_t total = 0;
  enum read_result result = READ_SOME;
  while (result == READ_SOME && total < limit)
    result = read_some(stream, &total);
  log_written(stream->monitor);
  if (result == READ_END)
    end_stream(stream);
}

bool streams_drain(struct monitor *monitor)
{
  drain(&monitor->out);
  drain(&monitor->err);
  return all_ended(monitor);
}

void streams_finish(struct monitor *monitor)
{
  if (monitor->out.fd >= 0)
    end_stream(&monitor->out);
  if (monitor->err.fd >= 0)
    end_stream(&monitor->err);
  loop_disarm(&monitor->loop, &monitor->log_timer);
  logger_close(&monitor->log, clock_now(), loop_now());
  input_close(&monitor->in.input);
}

void streams_resize(struct monitor *monitor, uint16_t width, uint16_t height)
{
  if (width == 0 || height == 0)
    return;
  monitor->width = width;
  monitor->height = height;
  if (monitor->options.tty && monitor->out.fd >= 0)
    console_resize(monitor->out.fd, width, height);
}
