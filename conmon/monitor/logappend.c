#include "monitor/logappend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/scope.h"
#include "monitor/logfmt.h"

struct logappend logappend_nowhere(void)
{
  return (struct logappend){.fd = -1, .write = write};
}

bool logappend_is_losing(const struct logappend *to)
{
  return to->lost_records > 0;
}

static void count_lost(struct logappend *to, const uint8_t *records, size_t size)
{
  to->lost_bytes += size;
  for (const uint8_t *at = records; (at = memchr(at, '\n', size - (size_t)(at - records))); at++)
    to->lost_records++;
}

/* Takes the beginning of a record back that did not fit, so that the file always ends on a record's boundary. */
static bool take_back(struct logappend *to)
{
  struct stat about;
  if (to->torn == 0)
    return true;
  if (fstat(to->fd, &about) < 0)
    return false;
  off_t whole = about.st_size - (off_t)to->torn;
  /* A file that is shorter was emptied by somebody meanwhile. */
  if (whole >= 0 && TEMP_FAILURE_RETRY(ftruncate(to->fd, whole)) < 0)
    return false;
  to->torn = 0;
  to->size = (uint64_t)(whole >= 0 ? whole : about.st_size);
  return true;
}

void logappend_to(struct logappend *to, int fd, uint64_t size)
{
  take_back(to);
  close_fd(&to->fd);
  to->fd = fd;
  to->size = size;
  to->torn = 0;
  to->retry_at = 0;
}

static size_t write_records(struct logappend *to, const uint8_t *records, size_t size)
{
  size_t done = 0;
  while (done < size) {
    ssize_t put = to->write(to->fd, records + done, size - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0) {
      to->lost_errno = put < 0 ? errno : ENOSPC;
      break;
    }
    done += (size_t)put;
  }
  to->size += done;
  if (done == size)
    return done;
  /* No record holds a newline but its last byte. */
  const uint8_t *end = memrchr(records, '\n', done);
  size_t kept = end ? (size_t)(end - records) + 1 : 0;
  to->torn = done - kept;
  take_back(to);
  return kept;
}

/* Says in the file itself how much is missing at this place; false while it still cannot be written to. */
static bool write_notice(struct logappend *to)
{
  if (!take_back(to))
    return false;
  char text[LOG_PREFIX + 160];
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  log_prefix(text, LOG_STDERR, when);
  int size = snprintf(text + LOG_PREFIX, sizeof(text) - LOG_PREFIX,
                      "[conmon] %" PRIu64 " log records (%" PRIu64 " bytes) were lost here: %s\n", to->lost_records,
                      to->lost_bytes, strerror(to->lost_errno));
  size_t all = LOG_PREFIX + (size_t)size;
  if (write_records(to, (const uint8_t *)text, all) != all)
    return false;
  to->lost_records = 0;
  to->lost_bytes = 0;
  return true;
}

size_t logappend_write(struct logappend *to, const uint8_t *records, size_t size, int64_t now)
{
  size_t kept = 0;
  bool due = now >= to->retry_at;
  if (!logappend_is_losing(to) || (due && write_notice(to)))
    kept = write_records(to, records, size);
  if (kept == size)
    return kept;
  if (due)
    to->retry_at = now + LOGAPPEND_RETRY_MS;
  count_lost(to, records + kept, size - kept);
  return kept;
}

void logappend_close(struct logappend *to)
{
  if (to->fd >= 0 && logappend_is_losing(to))
    write_notice(to);
  close_fd(&to->fd);
}
