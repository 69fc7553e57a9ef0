/* Where log records go. The logger formats them once and hands the same bytes to each sink. */
#ifndef CONMON_MONITOR_LOGSINK_H
#define CONMON_MONITOR_LOGSINK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "monitor/protocol.h"

struct log_sink;

/* `now` is CLOCK_MONOTONIC in milliseconds. */
struct log_sink_ops {
  /* Takes whole records: keeps them, or counts them as dropped. It never waits. */
  void (*write)(struct log_sink *sink, const uint8_t *records, size_t size, int64_t now);
  /* Begins anew where it writes to; if that fails it goes on as before. May be NULL. */
  int (*reopen)(struct log_sink *sink, struct err *err);
  /* Called about a second after something was written, and at most once a second; true: it wants to be again. May be NULL. */
  bool (*look)(struct log_sink *sink, int64_t now);
  void (*close)(struct log_sink *sink);
};

/* Told while the sink is at work: it may ask, and must not write. */
typedef void log_changed_fn(void *owner, enum log_change what);

struct log_sink {
  const struct log_sink_ops *ops;
  /* Bytes of records, with their prefixes. */
  uint64_t logged;
  uint64_t dropped;
  /* NULL: nobody wants to know. */
  log_changed_fn *changed;
  void *owner;
};

static inline void log_sink_tell(const struct log_sink *sink, enum log_change what)
{
  if (sink->changed)
    sink->changed(sink->owner, what);
}

#endif
