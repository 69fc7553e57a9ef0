#include "monitor/logfile.h"
#include "monitor/logfmt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/test.h"

#define STAMP "2023-11-14T22:13:20.000000042Z "

static const struct timespec when = {.tv_sec = 1700000000, .tv_nsec = 42};

/* What was flushed so far, and how often. */
struct sink {
  char *data;
  size_t size;
  size_t flushes;
};

static struct sink sink;
static struct log_batch batch;
static struct log_carry carry;

static void take(void *owner, const uint8_t *data, size_t size)
{
  struct sink *into = owner;
  char *grown = realloc(into->data, into->size + size + 1);
  if (!grown)
    abort();
  into->data = grown;
  memcpy(into->data + into->size, data, size);
  into->size += size;
  into->data[into->size] = '\0';
  into->flushes++;
}

static void reset(void)
{
  free(sink.data);
  sink = (struct sink){0};
  batch = (struct log_batch){.flush = take, .owner = &sink};
  carry.size = 0;
}

static void feed(const char *text)
{
  log_feed(&batch, &carry, LOG_STDOUT, when, (const uint8_t *)text, strlen(text));
}

static bool is(const char *expected)
{
  log_flush(&batch);
  bool same = strcmp(sink.data ? sink.data : "", expected) == 0;
  if (!same)
    fprintf(stderr, "# got: %.300s\n", sink.data ? sink.data : "");
  reset();
  return same;
}

static bool whole_lines(void)
{
  reset();
  feed("one\ntwo\n\nthree\n");
  CHECK(is(STAMP "stdout F one\n" STAMP "stdout F two\n" STAMP "stdout F \n" STAMP "stdout F three\n"));
  return true;
}

static bool carried_over(void)
{
  reset();
  feed("on");
  feed("");
  feed("e");
  feed("\ntw");
  CHECK(carry.size == 2);
  feed("o\n");
  CHECK(carry.size == 0);
  CHECK(is(STAMP "stdout F one\n" STAMP "stdout F two\n"));
  return true;
}

static bool partial_at_end(void)
{
  reset();
  feed("prompt> ");
  log_finish(&batch, &carry, LOG_STDERR, when);
  log_finish(&batch, &carry, LOG_STDERR, when);
  CHECK(is(STAMP "stderr P prompt> \n"));
  return true;
}

/* Feeds so many bytes x in pieces, then a newline; gives the tags and lengths of the records. */
static bool long_line(size_t length, size_t piece, const char *expected)
{
  reset();
  _cleanup_free_ char *text = malloc(length + 1);
  char shape[256] = "";
  if (!text)
    return false;
  memset(text, 'x', length);
  text[length] = '\n';
  for (size_t at = 0; at <= length; at += piece) {
    size_t size = length + 1 - at < piece ? length + 1 - at : piece;
    log_feed(&batch, &carry, LOG_STDOUT, when, (const uint8_t *)text + at, size);
  }
  log_flush(&batch);
  size_t used = 0;
  for (const char *line = sink.data, *end; line && (end = strchr(line, '\n')); line = end + 1)
    used += (size_t)snprintf(shape + used, sizeof(shape) - used, "%c%td ", line[38], end - line - LOG_PREFIX);
  CHECK(carry.size == 0);
  if (strcmp(shape, expected) != 0)
    fprintf(stderr, "# %zu bytes by %zu: %s\n", length, piece, shape);
  reset();
  return strcmp(shape, expected) == 0;
}

static bool long_lines(void)
{
  static const size_t pieces[] = {1, 7, 4096, 16384, 16385, 65536, 1 << 20};
  for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    CHECK(long_line(16383, pieces[i], "F16383 "));
    CHECK(long_line(16384, pieces[i], "F16384 "));
    CHECK(long_line(16385, pieces[i], "P16384 F1 "));
    CHECK(long_line(20000, pieces[i], "P16384 F3616 "));
    CHECK(long_line(49152, pieces[i], "P16384 P16384 F16384 "));
  }
  return true;
}

/* Two carries, one batch: each stream keeps its own unfinished line. */
static bool two_streams(void)
{
  static struct log_carry err_carry;
  reset();
  err_carry.size = 0;
  feed("out ");
  log_feed(&batch, &err_carry, LOG_STDERR, when, (const uint8_t *)"err\n", 4);
  feed("done\n");
  CHECK(is(STAMP "stderr F err\n" STAMP "stdout F out done\n"));
  return true;
}

static bool batches(void)
{
  reset();
  for (int i = 0; i < 100; i++)
    feed("a line\n");
  CHECK(sink.flushes == 0);
  log_flush(&batch);
  CHECK(sink.flushes == 1);
  for (int i = 0; i < 10000; i++)
    feed("\n");
  log_flush(&batch);
  /* Flushed when full, and never in the middle of a record. */
  CHECK(sink.flushes <= 3 + 10000 * (LOG_PREFIX + 1) / LOG_BATCH_MAX);
  CHECK(sink.size == 100 * (LOG_PREFIX + 7) + 10000 * (LOG_PREFIX + 1));
  reset();
  return true;
}

static bool dates(void)
{
  static const struct {
    time_t second;
    const char *text;
  } known[] = {
      {0, "1970-01-01T00:00:00"},          {951782399, "2000-02-28T23:59:59"},  {951782400, "2000-02-29T00:00:00"},
      {951868800, "2000-03-01T00:00:00"},  {1709164799, "2024-02-28T23:59:59"}, {1709251199, "2024-02-29T23:59:59"},
      {1735689599, "2024-12-31T23:59:59"}, {4107542400, "2100-03-01T00:00:00"}, {253402300799, "9999-12-31T23:59:59"},
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    char prefix[LOG_PREFIX + 1] = "";
    log_prefix(prefix, LOG_STDERR, (struct timespec){.tv_sec = known[i].second, .tv_nsec = 999999999});
    CHECK(strncmp(prefix, known[i].text, 19) == 0);
    CHECK(strcmp(prefix + 19, ".999999999Z stderr F ") == 0);
  }
  return true;
}

/* A disk that takes so many bytes more. */
static size_t disk_left;

static ssize_t small_disk(int fd, const void *data, size_t size)
{
  if (disk_left == 0) {
    errno = ENOSPC;
    return -1;
  }
  if (size > disk_left)
    size = disk_left;
  disk_left -= size;
  return write(fd, data, size);
}

static char folder[] = "/tmp/conmon-log-XXXXXX";
static char path[PATH_MAX];

static bool content_is(const char *expected)
{
  static char text[4096];
  ssize_t got = read_text(path, text, sizeof(text));
  bool same = got >= 0 && strcmp(text, expected) == 0;
  if (!same)
    fprintf(stderr, "# the file holds: %s\n", got >= 0 ? text : "nothing");
  return same;
}

static bool full_disk(void)
{
  struct logfile log;
  static const char records[] = "first record\nsecond record\nthird record\n";
  unlink(path);
  CHECK(logfile_open(&log, path, NULL) == 0);
  log.write = small_disk;
  /* Room for the first record and a part of the second: the file ends with the first. */
  disk_left = 20;
  logfile_write(&log, (const uint8_t *)records, strlen(records), 1000);
  CHECK(content_is("first record\n"));
  CHECK(log.logged == 13 && log.dropped == strlen(records) - 13);
  /* Before the retry is due nothing is tried, though there would be room. */
  disk_left = 1000;
  logfile_write(&log, (const uint8_t *)"fourth\n", 7, 1999);
  CHECK(content_is("first record\n"));
  CHECK(disk_left == 1000);
  /* Then the loss is told, once, where it happened. */
  logfile_write(&log, (const uint8_t *)"fifth\n", 6, 2001);
  logfile_write(&log, (const uint8_t *)"sixth\n", 6, 2002);
  static char text[4096];
  CHECK(read_text(path, text, sizeof(text)) > 0);
  const char *notice = strstr(text, "Z stderr F [conmon] 3 log records (34 bytes) were lost here: No space left on device\nfifth\nsixth\n");
  CHECK(notice && strncmp(text, "first record\n", 13) == 0);
  CHECK(log.logged == 25 && log.dropped == 34);
  logfile_finish(&log);
  return true;
}

static bool full_disk_to_the_end(void)
{
  struct logfile log;
  unlink(path);
  CHECK(logfile_open(&log, path, NULL) == 0);
  log.write = small_disk;
  disk_left = 0;
  logfile_write(&log, (const uint8_t *)"lost\n", 5, 0);
  /* A notice that does not fit either leaves nothing of itself. */
  disk_left = 30;
  logfile_write(&log, (const uint8_t *)"lost\n", 5, LOGFILE_RETRY_MS);
  CHECK(content_is(""));
  disk_left = 1000;
  logfile_finish(&log);
  static char text[4096];
  CHECK(read_text(path, text, sizeof(text)) > 0 && strstr(text, "2 log records (10 bytes) were lost here"));
  return true;
}

static bool reopens(void)
{
  struct logfile log;
  struct stat about;
  uint64_t inode;
  uint64_t size;
  char old[PATH_MAX + 8];
  snprintf(old, sizeof(old), "%s.old", path);
  unlink(path);
  CHECK(logfile_open(&log, path, NULL) == 0);
  logfile_write(&log, (const uint8_t *)"a\n", 2, 0);
  CHECK(rename(path, old) == 0);
  CHECK(logfile_reopen(&log, &inode, &size, NULL) == 0 && size == 0);
  CHECK(stat(path, &about) == 0 && about.st_ino == inode);
  logfile_write(&log, (const uint8_t *)"b\n", 2, 0);
  /* Again on the same file: nothing is truncated. */
  CHECK(logfile_reopen(&log, &inode, &size, NULL) == 0 && size == 2);
  logfile_write(&log, (const uint8_t *)"c\n", 2, 0);
  CHECK(content_is("b\nc\n"));
  /* What cannot be opened leaves the old file in use. */
  CHECK(unlink(path) == 0 && symlink("elsewhere", path) == 0);
  struct err err;
  CHECK(logfile_reopen(&log, &inode, &size, &err) < 0 && err.code == ELOOP && log.fd >= 0);
  CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
  CHECK(logfile_reopen(&log, &inode, &size, &err) < 0 && log.fd >= 0);
  logfile_finish(&log);
  unlink(path);
  unlink(old);
  return true;
}

static bool without_a_path(void)
{
  struct logfile log;
  uint64_t inode;
  uint64_t size;
  CHECK(logfile_open(&log, NULL, NULL) == 0);
  logfile_write(&log, (const uint8_t *)"x\n", 2, 0);
  CHECK(logfile_reopen(&log, &inode, &size, NULL) == 0 && inode == 0 && size == 0);
  logfile_finish(&log);
  return true;
}

static const struct test_case cases[] = {
    {"whole lines become F records", whole_lines},
    {"a line that comes in pieces is one record", carried_over},
    {"what never ended is a P record, once", partial_at_end},
    {"lines are cut at 16 KiB, however they are read", long_lines},
    {"the streams do not mix", two_streams},
    {"records are written together", batches},
    {"dates are right, leap years too", dates},
    {"a full disk costs whole records, which are counted and told", full_disk},
    {"a disk that stays full is told of at the end", full_disk_to_the_end},
    {"reopening never truncates, and fails without harm", reopens},
    {"without a path nothing is kept", without_a_path},
};

int main(void)
{
  if (!mkdtemp(folder))
    return 1;
  snprintf(path, sizeof(path), "%s/log", folder);
  int status = test_main("monitor-log", cases, sizeof(cases) / sizeof(cases[0]));
  unlink(path);
  rmdir(folder);
  free(sink.data);
  return status;
}
