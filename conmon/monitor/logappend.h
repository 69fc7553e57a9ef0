/*
 * Appending whole records to a file, whatever the disk does: what does not fit is taken back to the last whole record,
 * counted, and told in the file itself once it can be written to again.
 */
#ifndef CONMON_MONITOR_LOGAPPEND_H
#define CONMON_MONITOR_LOGAPPEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds after a failed write in which everything is dropped without trying. */
#define LOGAPPEND_RETRY_MS 1000

struct logappend {
  int fd;
  /* The file's size, as far as we have made it. */
  uint64_t size;
  /* Bytes of a record's beginning that could not be taken back yet. */
  size_t torn;
  /* Since the last notice of a loss: records, bytes, and the moment (monotonic, ms) of the next try. */
  uint64_t lost_records;
  uint64_t lost_bytes;
  int lost_errno;
  int64_t retry_at;
  /* write(2), replaced by tests that fill the disk. */
  ssize_t (*write)(int fd, const void *data, size_t size);
};

struct logappend logappend_nowhere(void);
/* Goes on in another file, at once. The old one is closed; what was lost is told in the new one. */
void logappend_to(struct logappend *to, int fd, uint64_t size);
/* Gives the bytes that are in the file for good: whole records. The rest is counted as lost. */
size_t logappend_write(struct logappend *to, const uint8_t *records, size_t size, int64_t now);
/* Whether records have been lost that the file does not tell of yet. */
bool logappend_is_losing(const struct logappend *to);
/* A last try to say what was lost. */
void logappend_close(struct logappend *to);

#endif
