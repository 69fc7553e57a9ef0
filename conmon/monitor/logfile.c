#include "monitor/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/scope.h"
#include "monitor/logfmt.h"

/* The folder may be a link (the kubelet's are); the file itself must be a plain one: no link, no fifo to hang on. */
static int open_plain(const char *path, struct err *err)
{
  const char *slash = strrchr(path, '/');
  _cleanup_free_ char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!folder)
    return err_set(err, ENOMEM, "open the log %s", path);
  _cleanup_fd_ int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0)
    return err_set(err, errno, "open the log folder %s", folder);
  const char *name = slash ? slash + 1 : path;
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  _cleanup_fd_ int fd = openat(folder_fd, name, flags, 0640);
  if (fd < 0)
    return err_set(err, errno, "open the log %s", path);
  struct stat about;
  if (fstat(fd, &about) < 0)
    return err_set(err, errno, "open the log %s", path);
  if (!S_ISREG(about.st_mode))
    return err_set(err, EINVAL, "open the log %s: not a plain file", path);
  return steal_fd(&fd);
}

int logfile_open(struct logfile *log, const char *path, struct err *err)
{
  *log = (struct logfile){.fd = -1, .path = path, .write = write};
  if (!path || !*path)
    return 0;
  int fd = open_plain(path, err);
  if (fd < 0)
    return fd;
  log->fd = fd;
  return 0;
}

int logfile_reopen(struct logfile *log, uint64_t *inode, uint64_t *size, struct err *err)
{
  *inode = 0;
  *size = 0;
  if (log->fd < 0)
    return 0;
  _cleanup_fd_ int fd = open_plain(log->path, err);
  if (fd < 0)
    return fd;
  struct stat about;
  if (fstat(fd, &about) < 0)
    return err_set(err, errno, "stat the log %s", log->path);
  close_fd(&log->fd);
  log->fd = steal_fd(&fd);
  *inode = about.st_ino;
  *size = (uint64_t)about.st_size;
  return 0;
}

static size_t count_records(const uint8_t *data, size_t size)
{
  size_t records = 0;
  for (const uint8_t *at = data; (at = memchr(at, '\n', size - (size_t)(at - data))); at++)
    records++;
  return records;
}

static void count_lost(struct logfile *log, const uint8_t *records, size_t size)
{
  log->dropped += size;
  log->lost_bytes += size;
  log->lost_records += count_records(records, size);
}

/* Takes the beginning of a record back that did not fit, so that the log always ends on a record's boundary. */
static void take_back(struct logfile *log, size_t bytes)
{
  struct stat about;
  if (bytes == 0 || fstat(log->fd, &about) < 0 || (uint64_t)about.st_size < bytes)
    return;
  /* If even this fails there is nothing better to do than to go on: the reader sees one damaged record. */
  if (ftruncate(log->fd, about.st_size - (off_t)bytes) < 0)
    log->lost_errno = errno;
}

/* Gives the bytes that are in the file for good: whole records. */
static size_t write_records(struct logfile *log, const uint8_t *records, size_t size)
{
  size_t done = 0;
  while (done < size) {
    ssize_t put = log->write(log->fd, records + done, size - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0) {
      log->lost_errno = put < 0 ? errno : ENOSPC;
      break;
    }
    done += (size_t)put;
  }
  if (done == size)
    return done;
  /* No record holds a newline but its last byte. */
  const uint8_t *end = memrchr(records, '\n', done);
  size_t kept = end ? (size_t)(end - records) + 1 : 0;
  take_back(log, done - kept);
  return kept;
}

/* Says in the log itself how much is missing at this place; false while the disk is still full. */
static bool write_notice(struct logfile *log)
{
  char text[LOG_PREFIX + 160];
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  log_prefix(text, LOG_STDERR, when);
  int size = snprintf(text + LOG_PREFIX, sizeof(text) - LOG_PREFIX,
                      "[conmon] %" PRIu64 " log records (%" PRIu64 " bytes) were lost here: %s\n", log->lost_records,
                      log->lost_bytes, strerror(log->lost_errno));
  size_t all = LOG_PREFIX + (size_t)size;
  if (write_records(log, (const uint8_t *)text, all) != all)
    return false;
  log->lost_records = 0;
  log->lost_bytes = 0;
  return true;
}

void logfile_write(struct logfile *log, const uint8_t *records, size_t size, int64_t now)
{
  if (log->fd < 0 || size == 0)
    return;
  if (log->lost_records > 0 && (now < log->retry_at || !write_notice(log))) {
    if (now >= log->retry_at)
      log->retry_at = now + LOGFILE_RETRY_MS;
    count_lost(log, records, size);
    return;
  }
  size_t kept = write_records(log, records, size);
  log->logged += kept;
  if (kept < size) {
    count_lost(log, records + kept, size - kept);
    log->retry_at = now + LOGFILE_RETRY_MS;
  }
}

void logfile_finish(struct logfile *log)
{
  if (log->fd >= 0 && log->lost_records > 0)
    write_notice(log);
  close_fd(&log->fd);
}
