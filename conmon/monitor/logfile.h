/*
 * A log file that stays where its readers look for it: opened anew when it was removed or moved away, put aside when it is
 * full. It is appended to, never truncated but back to the last whole record.
 */
#ifndef CONMON_MONITOR_LOGFILE_H
#define CONMON_MONITOR_LOGFILE_H

#include "monitor/logappend.h"
#include "monitor/logsink.h"

/* How often it is looked at where the path leads, at most. */
#define LOGFILE_LOOK_MS 1000
/* The kubelet renames the file first and asks for a reopen then: so long it may take. */
#define LOGFILE_ASTRAY_MS 10000

struct logfile {
  struct log_sink sink;
  const char *path;
  /* Bytes from which a new file is begun; 0: none. */
  uint64_t size_max;
  struct logappend to;
  uint64_t device;
  uint64_t inode;
  /* Written to since it was last looked at. */
  bool dirty;
  int64_t look_at;
  /* Since when the path has not led to our file. */
  bool astray;
  int64_t astray_since;
  /* After a failed try to put the file aside: when the next one is due. */
  int64_t rotate_at;
};

/* Opens (or makes, 0640) the path without following a link in its last part. */
int logfile_open(struct logfile *log, const char *path, uint64_t size_max, struct err *err);

#endif
