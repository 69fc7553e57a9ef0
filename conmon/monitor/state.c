#include "monitor/monitor.h"

#include <stdio.h>
#include <syslog.h>

#include "monitor/attach.h"
#include "monitor/describe.h"

/* A failed create waits so long for somebody to ask why. */
#define FAILED_LINGER_MS 60000
/* A start may go on for so long after init has ended. */
#define START_PATIENCE_MS 10000
/* Execs and unsent frames may hold up the end for so long. */
#define LEAVE_MS 5000
/* After init's end other processes may hold its pipes: so long are they waited for. */
#define DRAIN_GRACE_MS 100

typedef void action_fn(struct monitor *monitor);

static void enter(struct monitor *monitor, enum state state)
{
  monitor->state = state;
  server_push_state(monitor);
}

static void answer_start(struct monitor *monitor, enum protocol_error code, const char *problem)
{
  struct conn *conn = monitor->starter;
  monitor->starter = NULL;
  if (!conn)
    return;
  if (problem)
    conn_error(conn, monitor->start_tag, code, problem);
  else
    conn_send(conn, FRAME_OK, monitor->start_tag, NULL, 0);
}

static void quit(void *owner)
{
  struct monitor *monitor = owner;
  monitor->loop.quit = true;
}

static void leave(struct monitor *monitor)
{
  monitor->state = S_LEAVING;
  server_close(monitor);
  execs_kill(monitor);
  loop_arm(&monitor->loop, &monitor->timer, LEAVE_MS, quit, monitor);
}

/* A client that has connected before the socket goes away gets its answer. */
static void leave_unless_watched(struct monitor *monitor)
{
  server_accept(monitor);
  if (!server_has_clients(monitor))
    leave(monitor);
}

static void lingered(void *owner)
{
  monitor_fire(owner, EV_LINGERED);
}

static void created(struct monitor *monitor)
{
  enter(monitor, S_CREATED);
}

static void linger_unless_watched(struct monitor *monitor)
{
  server_accept(monitor);
  if (!server_has_clients(monitor))
    loop_arm(&monitor->loop, &monitor->timer, FAILED_LINGER_MS, lingered, monitor);
}

static void create_failed(struct monitor *monitor)
{
  streams_finish(monitor);
  enter(monitor, S_FAILED);
  /* The push may have found the last client gone: then it is leaving already. */
  if (monitor->state == S_FAILED)
    linger_unless_watched(monitor);
}

static void start(struct monitor *monitor)
{
  struct err err;
  monitor->state = S_STARTING;
  if (container_start(monitor, &err))
    return;
  monitor->state = S_CREATED;
  answer_start(monitor, PE_SYSTEM, describe(&err).text);
}

static void drain_over(void *owner)
{
  struct monitor *monitor = owner;
  streams_drain(monitor);
  monitor_fire(monitor, EV_DRAINED);
}

static void drain(struct monitor *monitor)
{
  monitor->state = S_DRAINING;
  loop_arm(&monitor->loop, &monitor->timer, DRAIN_GRACE_MS, drain_over, monitor);
  bool ended = streams_drain(monitor);
  execs_kill(monitor);
  if (ended)
    monitor_fire(monitor, EV_DRAINED);
}

static void started(struct monitor *monitor)
{
  enter(monitor, S_RUNNING);
  answer_start(monitor, PE_RUNTIME, NULL);
  if (monitor->init_gone)
    drain(monitor);
}

static void start_failed(struct monitor *monitor)
{
  monitor->state = S_CREATED;
  answer_start(monitor, PE_RUNTIME, call_message(&monitor->call, "start"));
  if (monitor->init_gone)
    drain(monitor);
}

static void restore_failed(struct monitor *monitor)
{
  monitor->state = S_CREATED;
  answer_start(monitor, PE_RUNTIME, monitor->start_problem);
  drain(monitor);
}

static void start_hangs(void *owner)
{
  struct monitor *monitor = owner;
  call_kill(&monitor->call);
}

/*
 * The start has not returned yet: "running" comes before "exited", whatever the order of the kernel's news. A hook that
 * hangs may not keep the end from being told.
 */
static void exited_early(struct monitor *monitor)
{
  loop_arm(&monitor->loop, &monitor->timer, START_PATIENCE_MS, start_hangs, monitor);
}

/* The log is complete and the record durable before anybody can see "exited". */
static void drained(struct monitor *monitor)
{
  loop_disarm(&monitor->loop, &monitor->timer);
  streams_finish(monitor);
  struct err err;
  int failed = container_record(monitor, &err);
  attach_exit(monitor);
  enter(monitor, S_EXITED);
  /* Should the disk refuse even the record, the clients have been told by now: the log daemon may be in trouble too. */
  if (failed < 0)
    syslog(LOG_DAEMON | LOG_ERR, "conmon: container %s: %s", monitor->options.id, describe(&err).text);
  if (monitor->state == S_EXITED)
    leave_unless_watched(monitor);
}

static action_fn *const table[S_COUNT][EV_COUNT] = {
    [S_CREATING] = {[EV_CREATE_OK] = created, [EV_CREATE_FAILED] = create_failed},
    [S_CREATED] = {[EV_START] = start, [EV_INIT_EXITED] = drain},
    [S_STARTING] = {[EV_START_OK] = started, [EV_START_FAILED] = start_failed, [EV_RESTORE_FAILED] = restore_failed, [EV_INIT_EXITED] = exited_early},
    [S_RUNNING] = {[EV_INIT_EXITED] = drain},
    [S_DRAINING] = {[EV_DRAINED] = drained},
    [S_EXITED] = {[EV_RELEASE] = leave, [EV_CLIENT_GONE] = leave_unless_watched, [EV_NOT_CONTROL] = leave_unless_watched},
    [S_FAILED] = {[EV_RELEASE] = leave, [EV_CLIENT_GONE] = leave_unless_watched, [EV_NOT_CONTROL] = linger_unless_watched, [EV_LINGERED] = leave_unless_watched},
};

bool monitor_fire(struct monitor *monitor, enum event event)
{
  action_fn *action = table[monitor->state][event];
  if (action)
    action(monitor);
  return action != NULL;
}

void monitor_fail(struct monitor *monitor, const char *message)
{
  snprintf(monitor->failure, sizeof(monitor->failure), "%s", message);
  monitor_fire(monitor, EV_CREATE_FAILED);
}

struct state_view monitor_view(const struct monitor *monitor)
{
  struct state_view view = {.pid = (uint32_t)monitor->init_pid,
                            .start_time = monitor->init_start_time,
                            .started_at = monitor->record.started_at};
  switch (monitor->state) {
  case S_CREATING:
    view.kind = SK_CREATING;
    break;
  case S_CREATED:
  case S_STARTING:
    view.kind = SK_CREATED;
    break;
  case S_RUNNING:
    view.kind = SK_RUNNING;
    break;
  case S_DRAINING:
    view.kind = monitor->record.started_at ? SK_RUNNING : SK_CREATED;
    break;
  case S_EXITED:
    view.kind = SK_EXITED;
    view.record = monitor->record;
    break;
  case S_FAILED:
    view.kind = SK_FAILED;
    view.message = monitor->failure;
    break;
  case S_LEAVING:
  case S_COUNT:
    view.kind = monitor->failure[0] ? SK_FAILED : SK_EXITED;
    view.record = monitor->record;
    view.message = monitor->failure;
    break;
  }
  return view;
}
