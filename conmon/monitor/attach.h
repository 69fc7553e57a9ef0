/* The role attach: clients of init's own streams. Nothing is kept for it while nobody is attached. */
#ifndef CONMON_MONITOR_ATTACH_H
#define CONMON_MONITOR_ATTACH_H

#include "monitor/logfmt.h"

struct monitor;

/* Offers what init wrote, which is in the log by now, to each client that wants this stream. */
void attach_output(struct monitor *monitor, enum log_stream which, const uint8_t *data, size_t size);
/* The container has ended, and how is on disk: each client gets EXIT, and nothing after that. */
void attach_exit(struct monitor *monitor);

#endif
