#include "monitor/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/monitor.h"
#include "monitor/tree.h"

#define DRAIN_MAX (2u * 1024 * 1024)

static void finish(struct call *call)
{
  struct monitor *monitor = call->monitor;
  loop_disarm(&monitor->loop, &call->timer);
  if (call->source.ready)
    loop_unwatch(&monitor->loop, &call->source);
  call->active = false;
  _cleanup_free_ char *text = call->text;
  call->done(call->owner, call);
  /* From here on the call may be gone, or another. What it made is on the list now: zombies that were left alone can be told. */
  monitor->children.pending--;
  children_reap(&monitor->children);
}

/* Keeps the end of what has been said. */
static void keep(struct call *call, const char *data, size_t size)
{
  if (!call->text)
    call->text = malloc(CALL_KEPT_MAX + 1);
  if (!call->text) {
    call->lost = true;
    return;
  }
  size_t kept = call->size;
  if (kept > CALL_KEPT_MAX - size) {
    kept = CALL_KEPT_MAX - size;
    memmove(call->text, call->text + (call->size - kept), kept);
    call->lost = true;
  }
  memcpy(call->text + kept, data, size);
  call->size = kept + size;
}

/* Reads what is there now, at most what a pipe holds: who never stops speaking must not hold the loop. */
static void drain(struct call *call)
{
  char part[4096];
  for (size_t total = 0; !call->at_end && total < DRAIN_MAX; total += sizeof(part)) {
    /* What is held has a limit; the rest stays in the pipe. */
    size_t room = call->hold ? CALL_KEPT_MAX - call->size : sizeof(part);
    if (room == 0)
      return;
    ssize_t got = read_once(call->err_fd, part, room < sizeof(part) ? room : sizeof(part));
    if (got < 0 && errno == EAGAIN)
      return;
    if (got <= 0)
      call->at_end = true;
    else
      keep(call, part, (size_t)got);
  }
}

static void grace_over(void *owner)
{
  struct call *call = owner;
  drain(call);
  finish(call);
}

static void stalled(void *owner)
{
  struct call *call = owner;
  call->hold = false;
  loop_want(&call->monitor->loop, &call->source, EPOLLIN);
}

static void readable(void *owner, uint32_t events)
{
  (void)events;
  struct call *call = owner;
  drain(call);
  bool full = call->hold && call->size == CALL_KEPT_MAX;
  if (call->at_end || full)
    loop_want(&call->monitor->loop, &call->source, 0);
  if (full && call->child.ended)
    loop_arm(&call->monitor->loop, &call->timer, CALL_STALL_MS, stalled, call);
  if (call->at_end && !call->child.ended)
    finish(call);
}

/* A runtime that succeeded has said all that matters; one that failed may have a hook that is still speaking. */
static void ended(void *owner, int wait_status)
{
  struct call *call = owner;
  call->wait_status = wait_status;
  loop_disarm(&call->monitor->loop, &call->timer);
  drain(call);
  if (call_succeeded(call) || call->at_end)
    finish(call);
  else
    loop_arm(&call->monitor->loop, &call->timer, CALL_GRACE_MS, grace_over, call);
}

int call_begin(struct monitor *monitor, struct call *call, char *const argv[], const struct spawn_stdio *stdio, int err_fd,
               bool hold, call_fn *done, void *owner, struct err *err)
{
  *call = (struct call){.monitor = monitor, .err_fd = err_fd, .hold = hold, .done = done, .owner = owner};
  set_nonblock(err_fd, true);
  int failed = loop_watch(&monitor->loop, &call->source, err_fd, EPOLLIN, readable, call);
  if (failed < 0)
    return err_set(err, -failed, "watch the runtime's stderr");
  pid_t pid = spawn_runtime(argv, stdio, err);
  if (pid < 0) {
    loop_unwatch(&monitor->loop, &call->source);
    return pid;
  }
  call->active = true;
  monitor->children.pending++;
  children_add(&monitor->children, &call->child, pid, ended, call);
  return 0;
}

bool call_succeeded(const struct call *call)
{
  return call->wait_status != CHILD_UNKNOWN && WIFEXITED(call->wait_status) && WEXITSTATUS(call->wait_status) == 0;
}

/* The last 8 KiB; a text that was cut may begin within a character of UTF-8. */
static const char *end_of_text(const struct call *call)
{
  const char *text = call->text + (call->size > CALL_TEXT_MAX ? call->size - CALL_TEXT_MAX : 0);
  for (int i = 0; i < 3 && ((unsigned char)*text & 0xc0) == 0x80; i++)
    text++;
  return text;
}

const char *call_message(struct call *call, const char *what)
{
  while (call->size > 0 && strchr("\n\r \t", call->text[call->size - 1]))
    call->size--;
  for (size_t i = 0; i < call->size; i++)
    if ((unsigned char)call->text[i] < ' ' && call->text[i] != '\n' && call->text[i] != '\t')
      call->text[i] = '?';
  if (call->size > 0) {
    call->text[call->size] = '\0';
    return end_of_text(call);
  }
  if (call->wait_status == CHILD_UNKNOWN)
    snprintf(call->silence, sizeof(call->silence), "%s: it is not known how the runtime ended", what);
  else if (WIFSIGNALED(call->wait_status))
    snprintf(call->silence, sizeof(call->silence), "%s: the runtime was killed by signal %d", what, WTERMSIG(call->wait_status));
  else
    snprintf(call->silence, sizeof(call->silence), "%s: the runtime said nothing, exit status %d", what, WEXITSTATUS(call->wait_status));
  return call->silence;
}

void call_kill(struct call *call)
{
  if (call->active && call->child.ended)
    tree_kill(call->child.pid);
}
