/* conmon: the monitor of one container. It outlives the daemon that had it started. docs/monitor-protocol.md */
#include <stdio.h>
#include <syslog.h>

#include "monitor/describe.h"
#include "monitor/monitor.h"

/* As daemontools and s6 have it: 100 is the caller's mistake, 111 the system's. */
#define EXIT_USAGE 100
#define EXIT_SYSTEM 111

/* One struct for everything; it is large, and mostly never touched. */
static struct monitor the_monitor;

/* At run time, not as an initializer: the whole struct would then come from the file instead of being zero pages. */
static void prepare(struct monitor *monitor)
{
  int *const descriptors[] = {&monitor->signal_fd,   &monitor->listen_fd, &monitor->call_err_fd, &monitor->init_pidfd,
                              &monitor->oom.fd,      &monitor->oom.parent_fd, &monitor->oom.event_fd, &monitor->record_fd,
                              &monitor->in.input.fd, &monitor->console_fd, &monitor->out.fd,      &monitor->err.fd,
                              &monitor->far.in,      &monitor->far.out,      &monitor->far.err};
  for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
    *descriptors[i] = -1;
  monitor->out.which = LOG_STDOUT;
  monitor->out.monitor = monitor;
  monitor->err.which = LOG_STDERR;
  monitor->err.monitor = monitor;
}

static int complain(const struct err *err, int status)
{
  fprintf(stderr, "conmon: %s\n", describe(err).text);
  return status;
}

static bool is_over(const struct monitor *monitor)
{
  return monitor->loop.quit || (monitor->state == S_LEAVING && !monitor->execs && server_is_flushed(monitor));
}

int main(int argc, char **argv)
{
  struct monitor *monitor = &the_monitor;
  struct err err;
  prepare(monitor);
  if (options_parse(argc, argv, &monitor->options, &err) < 0)
    return complain(&err, EXIT_USAGE);
  if (setup_process(monitor, &err) < 0 || server_listen(monitor, &err) < 0)
    return complain(&err, EXIT_SYSTEM);
  setup_ready();
  container_create(monitor);
  while (!is_over(monitor)) {
    if (loop_turn(&monitor->loop, &err) < 0) {
      syslog(LOG_DAEMON | LOG_ERR, "conmon: container %s: %s", monitor->options.id, describe(&err).text);
      break;
    }
    server_sweep(monitor);
    execs_sweep(monitor);
  }
  server_close(monitor);
  return 0;
}
