#include "monitor/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"
#include "lib/scope.h"

/* The folder may be a link (the kubelet's are); the file itself must be a plain one: no link, no fifo to hang on. */
static int open_plain(const char *path, struct stat *about, struct err *err)
{
  const char *slash = strrchr(path, '/');
  _cleanup_free_ char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!folder)
    return err_set(err, ENOMEM, "open the log %s", path);
  _cleanup_fd_ int folder_fd = open_once(folder, O_PATH | O_DIRECTORY, 0);
  if (folder_fd < 0)
    return err_set(err, errno, "open the log folder %s", folder);
  const char *name = slash ? slash + 1 : path;
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  _cleanup_fd_ int fd = (int)TEMP_FAILURE_RETRY(openat(folder_fd, name, flags, 0640));
  if (fd < 0 || fstat(fd, about) < 0)
    return err_set(err, errno, "open the log %s", path);
  if (!S_ISREG(about->st_mode))
    return err_set(err, EINVAL, "open the log %s: not a plain file", path);
  return steal_fd(&fd);
}

/* The old file is let go only when the new one is there. */
static int open_anew(struct logfile *log, struct err *err)
{
  struct stat about;
  int fd = open_plain(log->path, &about, err);
  if (fd < 0)
    return fd;
  logappend_to(&log->to, fd, (uint64_t)about.st_size);
  log->device = about.st_dev;
  log->inode = about.st_ino;
  log->astray = false;
  log->rotate_at = 0;
  return 0;
}

static bool path_is_ours(const struct logfile *log)
{
  struct stat about;
  return lstat(log->path, &about) == 0 && about.st_dev == log->device && about.st_ino == log->inode;
}

/* A removed file is nobody's any more. One that was moved away is its mover's, who has not asked for a reopen yet. */
static bool is_given_up(struct logfile *log, int64_t now)
{
  struct stat about;
  if (fstat(log->to.fd, &about) < 0)
    return false;
  if (about.st_nlink == 0)
    return true;
  log->to.size = (uint64_t)about.st_size;
  bool was_astray = log->astray;
  log->astray = !path_is_ours(log);
  if (!log->astray)
    return false;
  if (!was_astray)
    log->astray_since = now;
  return now - log->astray_since >= LOGFILE_ASTRAY_MS;
}

static void look_now(struct logfile *log, int64_t now)
{
  log->dirty = false;
  log->look_at = now + LOGFILE_LOOK_MS;
  /* If it cannot be opened the old file still takes what is written, and the next look tries again. */
  if (!is_given_up(log, now))
    return;
  if (open_anew(log, NULL) == 0)
    log_sink_tell(&log->sink, LC_OPENED_ANEW);
  else
    log->dirty = true;
}

/*
 * Puts the full file aside and begins a new one. If the path does not lead to our file somebody else has just put it aside,
 * and will ask for a reopen: until then it may become too long.
 */
static bool rotate(struct logfile *log, int64_t now)
{
  char aside[PATH_MAX];
  int length = snprintf(aside, sizeof(aside), "%s.1", log->path);
  bool moved = length < (int)sizeof(aside) && path_is_ours(log) && rename(log->path, aside) == 0;
  if (moved && open_anew(log, NULL) == 0) {
    log_sink_tell(&log->sink, LC_ROTATED);
    return true;
  }
  if (moved) {
    /* Nobody else will make the new file: it is tried again at the next look. */
    log->astray = true;
    log->astray_since = now - LOGFILE_ASTRAY_MS;
  }
  log->rotate_at = now + LOGFILE_LOOK_MS;
  return false;
}

/* How much fits into the file: whole records, and one at least into an empty file. */
static size_t fitting(const struct logfile *log, const uint8_t *records, size_t size, int64_t now)
{
  if (log->size_max == 0 || now < log->rotate_at)
    return size;
  uint64_t room = log->to.size < log->size_max ? log->size_max - log->to.size : 0;
  if (size <= room)
    return size;
  const uint8_t *end = memrchr(records, '\n', room);
  if (!end && log->to.size == 0)
    end = memchr(records, '\n', size);
  return end ? (size_t)(end - records) + 1 : 0;
}

static void write_some(struct logfile *log, const uint8_t *records, size_t size, int64_t now)
{
  bool was_losing = logappend_is_losing(&log->to);
  size_t kept = logappend_write(&log->to, records, size, now);
  log->sink.logged += kept;
  log->sink.dropped += size - kept;
  bool is_losing = logappend_is_losing(&log->to);
  /* Both are told when a try ends in another loss: it did write again. */
  if (was_losing && (!is_losing || kept > 0))
    log_sink_tell(&log->sink, LC_WRITES);
  if (is_losing && (!was_losing || kept > 0))
    log_sink_tell(&log->sink, LC_LOSES);
}

static void write_records(struct log_sink *sink, const uint8_t *records, size_t size, int64_t now)
{
  struct logfile *log = (struct logfile *)sink;
  if (now >= log->look_at)
    look_now(log, now);
  log->dirty = true;
  while (size > 0) {
    size_t part = fitting(log, records, size, now);
    if (part == 0 && !rotate(log, now))
      part = size;
    if (part > 0)
      write_some(log, records, part, now);
    records += part;
    size -= part;
  }
}

static bool look(struct log_sink *sink, int64_t now)
{
  struct logfile *log = (struct logfile *)sink;
  if (log->dirty && now >= log->look_at)
    look_now(log, now);
  return log->dirty;
}

static int reopen(struct log_sink *sink, struct err *err)
{
  return open_anew((struct logfile *)sink, err);
}

static void finish(struct log_sink *sink)
{
  logappend_close(&((struct logfile *)sink)->to);
}

static const struct log_sink_ops ops = {.write = write_records, .reopen = reopen, .look = look, .close = finish};

int logfile_open(struct logfile *log, const char *path, uint64_t size_max, struct err *err)
{
  *log = (struct logfile){.sink.ops = &ops, .path = path, .size_max = size_max, .to = logappend_nowhere()};
  return open_anew(log, err);
}
