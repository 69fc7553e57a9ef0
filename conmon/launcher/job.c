#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

enum { CHUNK = 16 * 1024, CHUNKS = 8, MONITOR_STDERR = 4096 };

struct job *job_new(struct launcher *l, enum job_kind kind, uint32_t id, uint16_t op, uint32_t timeout_ms)
{
  struct job *job = calloc(1, sizeof(*job));
  if (!job)
    return NULL;
  size_t max = kind == JOB_CALL ? (size_t)MAX_REPLY : (size_t)MAX_OUTPUT;
  *job = (struct job){.kind = kind, .id = id, .op = op, .failure = -1, .memory = -1, .pid = -1};
  job->out = (struct stream){.job = job, .fd = -1, .data = wire_writer(max)};
  job->err = (struct stream){.job = job, .fd = -1, .data = wire_writer(max)};
  job->deadline = timeout_ms ? clock_monotonic_ms() + timeout_ms : 0;
  job->next = l->jobs;
  l->jobs = job;
  return job;
}

int job_watch(struct launcher *l, struct stream *stream, int fd, struct err *err)
{
  stream->fd = fd;
  int failed = set_nonblock(fd, true);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
  if (failed == 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    failed = -errno;
  return failed < 0 ? err_set(err, -failed, "watch a pipe") : 0;
}

/*
 * A closed descriptor leaves epoll only when the last copy is closed, and a child that was forked just before holds
 * one until it executes: without the removal an event would come for a job that is no more.
 */
static void unwatch(struct launcher *l, struct stream *stream)
{
  if (stream->fd >= 0)
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
  close_fd(&stream->fd);
}

/* Takes the job off the list; its memory stays until the round of events is over. */
static void end_job(struct launcher *l, struct job *job)
{
  for (struct job **at = &l->jobs; *at; at = &(*at)->next) {
    if (*at == job) {
      *at = job->next;
      break;
    }
  }
  unwatch(l, &job->out);
  unwatch(l, &job->err);
  close_fd(&job->failure);
  close_fd(&job->memory);
  job->next = l->ended;
  l->ended = job;
}

static void kill_job(const struct job *job)
{
  if (job->pid <= 0 || job->reaped)
    return;
  /* Its own session and group, once it has come so far; it itself in any case. */
  if (kill(-job->pid, SIGKILL) < 0)
    kill(job->pid, SIGKILL);
}

void job_discard(struct launcher *l, struct job *job)
{
  kill_job(job);
  end_job(l, job);
}

void job_free_ended(struct launcher *l)
{
  while (l->ended) {
    struct job *job = l->ended;
    l->ended = job->next;
    wire_free(&job->out.data);
    wire_free(&job->err.data);
    free(job);
  }
}

/* Reads what is there, at most more than a pipe holds: a writer that never ends must not hold the loop. */
static void drain(struct launcher *l, struct stream *stream)
{
  uint8_t chunk[CHUNK];
  for (int i = 0; i < CHUNKS && stream->fd >= 0; i++) {
    ssize_t got = read_once(stream->fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EAGAIN)
      return;
    if (got <= 0) {
      unwatch(l, stream);
      return;
    }
    size_t room = stream->data.max - stream->data.size;
    size_t kept = (size_t)got < room ? (size_t)got : room;
    wire_put_raw(&stream->data, chunk, kept);
    stream->truncated |= kept < (size_t)got || stream->data.failed;
  }
}

static void answer_run(struct launcher *l, const struct job *job)
{
  _cleanup_wire_ struct wire_writer out = wire_writer(MAX_REPLY);
  bool signaled = WIFSIGNALED(job->wait_status);
  wire_put_u8(&out, signaled);
  wire_put_u32(&out, (uint32_t)(signaled ? WTERMSIG(job->wait_status) : WEXITSTATUS(job->wait_status)));
  wire_put_u8(&out, job->timed_out);
  wire_put_u8(&out, job->out.truncated || job->err.truncated);
  wire_put_bytes(&out, job->out.data.data, job->out.data.size);
  wire_put_bytes(&out, job->err.data.data, job->err.data.size);
  control_reply(l, job->id, job->op, STATUS_OK, out.data, out.size);
}

static void answer_monitor(struct launcher *l, const struct job *job)
{
  struct err err = {0};
  uint64_t ticks;
  if (proc_start_time(job->pid, &ticks, &err) < 0) {
    control_fail(l, job->id, job->op, STATUS_FAILED, &err);
    return;
  }
  _cleanup_wire_ struct wire_writer out = wire_writer(64);
  wire_put_u32(&out, (uint32_t)job->pid);
  wire_put_u64(&out, ticks);
  control_reply(l, job->id, job->op, STATUS_OK, out.data, out.size);
}

/* Whether the child could not be executed: what it wrote into the failure pipe before it left. */
static bool exec_failure(const struct job *job, struct err *err)
{
  return job->failure >= 0 && read_full(job->failure, err, sizeof(*err)) == (ssize_t)sizeof(*err) && err->code > 0;
}

static void describe_death(const struct job *job, struct err *err)
{
  char text[MONITOR_STDERR + 1] = "";
  ssize_t size = job->memory >= 0 ? pread(job->memory, text, MONITOR_STDERR, 0) : 0;
  text[size > 0 ? size : 0] = '\0';
  bool signaled = WIFSIGNALED(job->wait_status);
  err_set(err, ECHILD, "%s %s %d%s%.400s", job->kind == JOB_MONITOR ? "the monitor, before it was ready," : "the child",
          signaled ? "was ended by signal" : "exited with status",
          signaled ? WTERMSIG(job->wait_status) : WEXITSTATUS(job->wait_status), text[0] ? ": " : "", text);
}

/* The answer of a job whose process has ended. */
static void answer_end(struct launcher *l, struct job *job)
{
  struct err err = {0};
  if (exec_failure(job, &err)) {
    control_fail(l, job->id, job->op, STATUS_EXEC, &err);
  } else if (job->cancelled) {
    err_set(&err, ECANCELED, "cancelled");
    control_fail(l, job->id, job->op, STATUS_CANCELLED, &err);
  } else if (job->kind == JOB_RUN) {
    answer_run(l, job);
  } else if (job->timed_out) {
    err_set(&err, ETIMEDOUT, "the deadline passed");
    control_fail(l, job->id, job->op, STATUS_TIMED_OUT, &err);
  } else {
    describe_death(job, &err);
    control_fail(l, job->id, job->op, STATUS_DIED, &err);
  }
  job->answered = true;
}

/* The child's answer: a status, then the payload. */
static void answer_call(struct launcher *l, struct job *job)
{
  struct wire_reader in = wire_reader(job->out.data.data, job->out.data.size);
  uint16_t status = wire_get_u16(&in);
  control_reply(l, job->id, job->op, status, in.data + in.pos, wire_left(&in));
  job->answered = true;
}

/* What is known now, answered. */
static void settle(struct launcher *l, struct job *job)
{
  if (job->kind == JOB_MONITOR && job->out.data.size > 0) {
    answer_monitor(l, job);
    /* It is on its own from here: reaped, if it ends while we live, as a child that nobody asks for. */
    end_job(l, job);
    return;
  }
  if (job->kind == JOB_CALL && !job->answered && job->out.fd < 0 && job->out.data.size >= sizeof(uint16_t))
    answer_call(l, job);
  if (job->kind == JOB_MONITOR && job->out.fd < 0)
    kill_job(job);
  if (!job->reaped)
    return;
  if (!job->answered)
    answer_end(l, job);
  end_job(l, job);
}

void job_stream_event(struct launcher *l, struct stream *stream)
{
  if (stream->fd < 0)
    return;
  drain(l, stream);
  settle(l, stream->job);
}

void job_reap(struct launcher *l)
{
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct job *job = l->jobs;
    while (job && job->pid != pid)
      job = job->next;
    if (!job)
      continue;
    job->reaped = true;
    job->wait_status = status;
    /* What it wrote is in the pipes already; a grandchild that holds them open is not waited for. */
    drain(l, &job->out);
    drain(l, &job->err);
    unwatch(l, &job->out);
    unwatch(l, &job->err);
    settle(l, job);
  }
}

void job_expire(struct launcher *l)
{
  int64_t now = 0;
  for (struct job *job = l->jobs; job; job = job->next) {
    if (!job->deadline || job->timed_out)
      continue;
    if (!now)
      now = clock_monotonic_ms();
    if (job->deadline <= now) {
      job->timed_out = true;
      kill_job(job);
    }
  }
}

int job_wait_ms(const struct launcher *l)
{
  int64_t first = 0;
  for (const struct job *job = l->jobs; job; job = job->next) {
    if (job->deadline && !job->timed_out && (!first || job->deadline < first))
      first = job->deadline;
  }
  if (!first)
    return -1;
  int64_t left = first - clock_monotonic_ms();
  return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

bool job_cancel(struct launcher *l, uint32_t id)
{
  for (struct job *job = l->jobs; job; job = job->next) {
    if (job->id == id) {
      job->cancelled = true;
      kill_job(job);
      return true;
    }
  }
  return false;
}
