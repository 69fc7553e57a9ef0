/*
 * The log file: appended to, never truncated but back to the last whole record when the disk is full. A full disk costs
 * lines, which are counted; it never blocks or ends the container.
 */
#ifndef CONMON_MONITOR_LOGFILE_H
#define CONMON_MONITOR_LOGFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/* Milliseconds after a failed write in which everything is dropped without trying. */
#define LOGFILE_RETRY_MS 1000

struct logfile {
  /* -1: nothing is kept. */
  int fd;
  const char *path;
  uint64_t logged;
  uint64_t dropped;
  /* Since the last notice of a loss: records, bytes, and the moment (monotonic, ms) of the next try. */
  uint64_t lost_records;
  uint64_t lost_bytes;
  int lost_errno;
  int64_t retry_at;
  /* write(2), replaced by tests that fill the disk. */
  ssize_t (*write)(int fd, const void *data, size_t size);
};

/* Opens (or makes, 0640) the path without following a link in its last part. An empty or NULL path keeps nothing. */
int logfile_open(struct logfile *log, const char *path, struct err *err);
/* Opens the path anew and closes the old file only then. */
int logfile_reopen(struct logfile *log, uint64_t *inode, uint64_t *size, struct err *err);
/* Writes whole records, or counts them as dropped. `now` is CLOCK_MONOTONIC in milliseconds. */
void logfile_write(struct logfile *log, const uint8_t *records, size_t size, int64_t now);
/* A last try to say what was lost. */
void logfile_finish(struct logfile *log);

#endif
