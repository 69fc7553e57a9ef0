#include <signal.h>

#include "lib/proc.h"
#include "lib/scope.h"
#include "monitor/describe.h"
#include "monitor/monitor.h"

/* Nothing has run: the record's end is not init's. */
static void never_ran(struct monitor *monitor, struct exit_status status)
{
  /* An init that could not be followed was killed; its end must not be told over this one. */
  if (monitor->init.ended)
    children_remove(&monitor->children, &monitor->init);
  loop_unwatch(&monitor->loop, &monitor->init_watch);
  monitor->record.started_at = 0;
  monitor->record.finished_at = clock_realtime_ns();
  monitor->record.status = status;
  monitor->init_gone = true;
}

static void fail(struct monitor *monitor, const char *problem)
{
  struct exit_status status = {.kind = ST_NOT_STARTED, .reason = "it could not be restored from its checkpoint"};
  if (monitor->sigkill_sent)
    status = (struct exit_status){.kind = ST_SIGNALED, .value = SIGKILL};
  container_close_console(monitor);
  never_ran(monitor, status);
  monitor->start_problem = problem;
  monitor_fire(monitor, EV_RESTORE_FAILED);
  monitor->start_problem = NULL;
}

static void restored(void *owner, struct call *call)
{
  struct monitor *monitor = owner;
  struct err err;
  container_end_call(monitor);
  if (!call_succeeded(call)) {
    fail(monitor, call_message(call, "restore"));
    return;
  }
  /* The processes have run since before the call returned: what came on stderr meanwhile is theirs. */
  if (!monitor->options.tty && call->size > 0)
    streams_given(&monitor->err, call->text, call->size);
  if (container_take(monitor, &err) < 0) {
    fail(monitor, describe(&err).text);
    return;
  }
  /* The kill came when the runtime was just done: it has missed init. */
  if (monitor->sigkill_sent)
    proc_pidfd_signal(monitor->init_pidfd, SIGKILL);
  monitor_fire(monitor, EV_START_OK);
}

bool restore_start(struct monitor *monitor, struct err *err)
{
  const struct options *o = &monitor->options;
  struct runtime_args args;
  runtime_args(&args, o, "restore");
  args_add(&args, "--detach");
  args_add(&args, "--file-locks");
  args_add2(&args, "--image-path", o->restore);
  args_add2(&args, "--work-path", o->restore_work);
  monitor->record.started_at = clock_realtime_ns();
  if (container_call(monitor, &args, !o->tty, restored, err) >= 0)
    return true;
  monitor->record.started_at = 0;
  return false;
}

bool restore_awaits(const struct monitor *monitor)
{
  return monitor->options.restore && monitor->state == S_CREATED && !monitor->init_gone;
}

void restore_cancel(struct monitor *monitor, uint32_t signum)
{
  far_ends_close(&monitor->far);
  monitor->sigkill_sent = true;
  never_ran(monitor, (struct exit_status){.kind = ST_SIGNALED, .value = signum});
  monitor_fire(monitor, EV_INIT_EXITED);
}
