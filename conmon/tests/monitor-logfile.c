#include "monitor/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/test.h"

static char folder[] = "/tmp/conmon-log-XXXXXX";
static char path[PATH_MAX];
static char aside[PATH_MAX + 8];
static char told[64];

/* A disk that takes so many bytes more, and then says this. */
static size_t disk_left;
static int disk_says;

static ssize_t small_disk(int fd, const void *data, size_t size)
{
  if (disk_left == 0) {
    errno = disk_says;
    return -1;
  }
  if (size > disk_left)
    size = disk_left;
  disk_left -= size;
  return write(fd, data, size);
}

/* Three bytes at a time, with an interruption between. */
static ssize_t hesitant_disk(int fd, const void *data, size_t size)
{
  static bool interrupted;
  interrupted = !interrupted;
  if (interrupted) {
    errno = EINTR;
    return -1;
  }
  return write(fd, data, size < 3 ? size : 3);
}

static void note(void *owner, enum log_change what)
{
  (void)owner;
  size_t used = strlen(told);
  snprintf(told + used, sizeof(told) - used, "%d", what);
}

static bool begin(struct logfile *log, uint64_t size_max)
{
  unlink(path);
  unlink(aside);
  told[0] = '\0';
  disk_says = ENOSPC;
  if (logfile_open(log, path, size_max, NULL) < 0)
    return false;
  log->sink.changed = note;
  return true;
}

static void put(struct logfile *log, const char *records, int64_t now)
{
  log->sink.ops->write(&log->sink, (const uint8_t *)records, strlen(records), now);
}

static void end(struct logfile *log)
{
  log->sink.ops->close(&log->sink);
}

static const char *content(const char *of)
{
  static char text[4096];
  return read_text(of, text, sizeof(text)) < 0 ? "(nothing)" : text;
}

static bool holds(const char *of, const char *expected)
{
  bool same = strcmp(content(of), expected) == 0;
  if (!same)
    fprintf(stderr, "# %s holds: %s\n", of, content(of));
  return same;
}

static bool full_disk(void)
{
  struct logfile log;
  static const char records[] = "first record\nsecond record\nthird record\n";
  CHECK(begin(&log, 0));
  log.to.write = small_disk;
  /* Room for the first record and a part of the second: the file ends with the first. */
  disk_left = 20;
  put(&log, records, 1000);
  CHECK(holds(path, "first record\n"));
  CHECK(log.sink.logged == 13 && log.sink.dropped == strlen(records) - 13);
  CHECK(strcmp(told, "1") == 0);
  /* Before the retry is due nothing is tried, though there would be room. */
  disk_left = 1000;
  put(&log, "fourth\n", 1999);
  CHECK(holds(path, "first record\n"));
  CHECK(disk_left == 1000);
  /* Then the loss is told, once, where it happened. */
  put(&log, "fifth\n", 2001);
  put(&log, "sixth\n", 2002);
  const char *text = content(path);
  CHECK(strstr(text, "Z stderr F [conmon] 3 log records (34 bytes) were lost here: No space left on device\nfifth\nsixth\n"));
  CHECK(strncmp(text, "first record\n", 13) == 0);
  CHECK(log.sink.logged == 25 && log.sink.dropped == 34);
  CHECK(strcmp(told, "12") == 0);
  CHECK(log.to.size == strlen(text));
  end(&log);
  return true;
}

static bool full_disk_to_the_end(void)
{
  struct logfile log;
  CHECK(begin(&log, 0));
  log.to.write = small_disk;
  disk_left = 0;
  put(&log, "lost\n", 0);
  /* A notice that does not fit either leaves nothing of itself. */
  disk_left = 30;
  put(&log, "lost\n", LOGAPPEND_RETRY_MS);
  CHECK(holds(path, ""));
  disk_left = 1000;
  end(&log);
  CHECK(strstr(content(path), "2 log records (10 bytes) were lost here"));
  CHECK(strcmp(told, "1") == 0);
  return true;
}

/* Room for the notice, and for one record more: it writes again, and loses again. */
static bool full_disk_again(void)
{
  struct logfile log;
  CHECK(begin(&log, 0));
  log.to.write = small_disk;
  disk_left = 0;
  put(&log, "lost\n", 0);
  disk_left = 120;
  put(&log, "kept 1\nlost\nlost\nlost\n", 1000);
  CHECK(strcmp(told, "121") == 0);
  CHECK(log.sink.dropped == 20 && log.to.lost_records == 3);
  end(&log);
  return true;
}

static bool other_errors(void)
{
  static const int errors[] = {EDQUOT, EIO, EFBIG, EROFS};
  for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    struct logfile log;
    CHECK(begin(&log, 0));
    log.to.write = small_disk;
    disk_says = errors[i];
    disk_left = 8;
    put(&log, "one\ntwo\nthree\n", 0);
    CHECK(holds(path, "one\ntwo\n") && log.sink.dropped == 6);
    disk_left = 1000;
    put(&log, "four\n", 1000);
    CHECK(strstr(content(path), strerror(errors[i])) && strcmp(told, "12") == 0);
    end(&log);
  }
  return true;
}

/* A file that cannot be cut: rather nothing more than a record that begins in the middle of another. */
static bool torn_for_good(void)
{
  struct logappend to = logappend_nowhere();
  char text[64];
  to.fd = memfd_create("log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(to.fd >= 0 && fcntl(to.fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  _cleanup_fd_ int copy = fcntl(to.fd, F_DUPFD_CLOEXEC, 3);
  to.write = small_disk;
  disk_says = ENOSPC;
  disk_left = 6;
  CHECK(logappend_write(&to, (const uint8_t *)"one\ntwo\n", 8, 0) == 4 && to.torn == 2);
  disk_left = 1000;
  CHECK(logappend_write(&to, (const uint8_t *)"three\n", 6, LOGAPPEND_RETRY_MS) == 0);
  CHECK(to.lost_records == 2 && to.lost_bytes == 10);
  logappend_close(&to);
  ssize_t got = pread(copy, text, sizeof(text), 0);
  CHECK(got == 6 && memcmp(text, "one\ntw", 6) == 0);
  return true;
}

static bool short_writes(void)
{
  struct logfile log;
  CHECK(begin(&log, 0));
  log.to.write = hesitant_disk;
  put(&log, "one record\nand another\n", 0);
  CHECK(holds(path, "one record\nand another\n"));
  CHECK(log.sink.logged == 23 && log.sink.dropped == 0 && told[0] == '\0');
  end(&log);
  return true;
}

static bool reopens(void)
{
  struct logfile log;
  struct stat about;
  CHECK(begin(&log, 0));
  put(&log, "a\n", 0);
  CHECK(rename(path, aside) == 0);
  CHECK(log.sink.ops->reopen(&log.sink, NULL) == 0 && log.to.size == 0);
  CHECK(stat(path, &about) == 0 && about.st_ino == log.inode);
  put(&log, "b\n", 0);
  /* Again on the same file: nothing is truncated. */
  CHECK(log.sink.ops->reopen(&log.sink, NULL) == 0 && log.to.size == 2);
  put(&log, "c\n", 0);
  CHECK(holds(path, "b\nc\n") && holds(aside, "a\n"));
  /* What cannot be opened leaves the old file in use. */
  CHECK(unlink(path) == 0 && symlink("elsewhere", path) == 0);
  struct err err;
  CHECK(log.sink.ops->reopen(&log.sink, &err) < 0 && err.code == ELOOP && log.to.fd >= 0);
  CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
  CHECK(log.sink.ops->reopen(&log.sink, &err) < 0 && log.to.fd >= 0);
  CHECK(told[0] == '\0');
  end(&log);
  return true;
}

static bool made_anew(void)
{
  struct logfile log;
  CHECK(begin(&log, 0));
  put(&log, "a\n", 1000);
  CHECK(unlink(path) == 0);
  /* One look a second, and only after something was written. */
  put(&log, "b\n", 1999);
  CHECK(access(path, F_OK) < 0);
  log.sink.ops->look(&log.sink, 1999);
  CHECK(access(path, F_OK) < 0);
  log.sink.ops->look(&log.sink, 2000);
  CHECK(holds(path, "") && strcmp(told, "3") == 0);
  put(&log, "c\n", 2001);
  CHECK(holds(path, "c\n"));
  CHECK(unlink(path) == 0);
  log.sink.ops->look(&log.sink, 3000);
  CHECK(holds(path, ""));
  CHECK(unlink(path) == 0);
  log.sink.ops->look(&log.sink, 9000);
  CHECK(access(path, F_OK) < 0);
  /* After a pause the record itself is in the new file. */
  put(&log, "d\n", 10000);
  CHECK(holds(path, "d\n") && strcmp(told, "333") == 0);
  CHECK(log.sink.logged == 8 && log.sink.dropped == 0);
  end(&log);
  return true;
}

static bool gone_astray(void)
{
  struct logfile log;
  CHECK(begin(&log, 0));
  put(&log, "a\n", 1000);
  CHECK(rename(path, aside) == 0);
  put(&log, "b\n", 2000);
  put(&log, "c\n", 11999);
  CHECK(access(path, F_OK) < 0 && holds(aside, "a\nb\nc\n"));
  /* Another file at its place is none of ours either. */
  int other = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  CHECK(other >= 0 && write_full(other, "x\n", 2) == 0 && close(other) == 0);
  put(&log, "d\n", 12999);
  CHECK(holds(path, "x\nd\n") && holds(aside, "a\nb\nc\n") && strcmp(told, "3") == 0);
  /* Back in time: the clock begins anew when it next goes astray. */
  CHECK(rename(path, aside) == 0);
  put(&log, "e\n", 14000);
  CHECK(rename(aside, path) == 0);
  put(&log, "f\n", 15000);
  CHECK(rename(path, aside) == 0);
  put(&log, "g\n", 24500);
  CHECK(access(path, F_OK) < 0);
  CHECK(log.sink.ops->reopen(&log.sink, NULL) == 0);
  put(&log, "h\n", 40000);
  CHECK(holds(path, "h\n") && holds(aside, "x\nd\ne\nf\ng\n") && strcmp(told, "3") == 0);
  end(&log);
  return true;
}

static bool folder_gone(void)
{
  struct logfile log;
  char inner[PATH_MAX];
  char moved[PATH_MAX];
  char file[PATH_MAX + 8];
  snprintf(inner, sizeof(inner), "%.100s/inner", folder);
  snprintf(moved, sizeof(moved), "%.100s/moved", folder);
  snprintf(file, sizeof(file), "%s/log", inner);
  CHECK(mkdir(inner, 0700) == 0 && logfile_open(&log, file, 4, NULL) == 0);
  CHECK(rename(inner, moved) == 0);
  for (int64_t second = 1; second < 20; second++)
    put(&log, "xyz\n", second * 1000);
  CHECK(log.sink.logged == 76 && log.sink.dropped == 0);
  /* It is back: what comes now is where it is looked for. */
  CHECK(mkdir(inner, 0700) == 0);
  put(&log, "back\n", 20000);
  CHECK(holds(file, "back\n"));
  end(&log);
  CHECK(unlink(file) == 0 && rmdir(inner) == 0);
  snprintf(file, sizeof(file), "%s/log", moved);
  CHECK(strlen(content(file)) == 76);
  CHECK(unlink(file) == 0 && rmdir(moved) == 0);
  return true;
}

static bool limited(void)
{
  struct logfile log;
  CHECK(begin(&log, 10));
  put(&log, "1234\n", 0);
  put(&log, "6789\n", 0);
  CHECK(holds(path, "1234\n6789\n") && access(aside, F_OK) < 0);
  put(&log, "a\nb\n", 0);
  CHECK(holds(path, "a\nb\n") && holds(aside, "1234\n6789\n") && strcmp(told, "4") == 0);
  /* A batch is divided between its records; the older file is replaced. */
  put(&log, "cdef\nghij\nk\n", 0);
  CHECK(holds(path, "ghij\nk\n") && holds(aside, "a\nb\ncdef\n"));
  /* A record that is longer than the limit has a file of its own. */
  put(&log, "0123456789abcdef\n", 0);
  CHECK(holds(path, "0123456789abcdef\n") && holds(aside, "ghij\nk\n"));
  put(&log, "l\n", 0);
  CHECK(holds(path, "l\n") && holds(aside, "0123456789abcdef\n"));
  CHECK(strcmp(told, "4444") == 0);
  CHECK(log.sink.logged == 45 && log.sink.dropped == 0);
  end(&log);
  /* What is there at the beginning counts. */
  CHECK(logfile_open(&log, path, 10, NULL) == 0);
  put(&log, "mnopqrstu\n", 0);
  CHECK(holds(path, "mnopqrstu\n") && holds(aside, "l\n"));
  end(&log);
  return true;
}

/* The kubelet has renamed the file and not asked for the reopen yet: its file is not renamed again. */
static bool limited_and_rotated(void)
{
  struct logfile log;
  char theirs[PATH_MAX + 8];
  snprintf(theirs, sizeof(theirs), "%s.theirs", path);
  CHECK(begin(&log, 10));
  put(&log, "12345678\n", 0);
  CHECK(rename(path, theirs) == 0);
  put(&log, "abcdefgh\n", 500);
  CHECK(holds(theirs, "12345678\nabcdefgh\n") && access(path, F_OK) < 0 && access(aside, F_OK) < 0);
  CHECK(log.sink.ops->reopen(&log.sink, NULL) == 0);
  put(&log, "ijklmnop\n", 600);
  put(&log, "qrstuvwx\n", 700);
  CHECK(holds(path, "qrstuvwx\n") && holds(aside, "ijklmnop\n"));
  CHECK(log.sink.dropped == 0 && strcmp(told, "4") == 0);
  end(&log);
  return unlink(theirs) == 0;
}

/* The name for the old file cannot be had: rather one that is too long than a lost record, and another try later. */
static bool limited_in_vain(void)
{
  struct logfile log;
  CHECK(begin(&log, 10));
  CHECK(mkdir(aside, 0700) == 0);
  put(&log, "12345678\n", 0);
  put(&log, "abcdefgh\n", 100);
  CHECK(rmdir(aside) == 0);
  put(&log, "ijklmnop\n", 1099);
  CHECK(holds(path, "12345678\nabcdefgh\nijklmnop\n"));
  put(&log, "qrstuvwx\n", 1100);
  CHECK(holds(path, "qrstuvwx\n") && strcmp(told, "4") == 0);
  end(&log);
  return true;
}

static const struct test_case cases[] = {
    {"a full disk costs whole records, which are counted and told", full_disk},
    {"a disk that stays full is told of at the end", full_disk_to_the_end},
    {"a disk that is full again has written between", full_disk_again},
    {"a quota, a bad disk and a size limit are like a full disk", other_errors},
    {"a record that cannot be taken back is not continued by another", torn_for_good},
    {"short and interrupted writes lose nothing", short_writes},
    {"reopening never truncates, and fails without harm", reopens},
    {"a removed file is made anew", made_anew},
    {"a file that was moved away is given up after ten seconds", gone_astray},
    {"without its folder the old file goes on", folder_gone},
    {"a full file is put aside between two records", limited},
    {"a file that somebody else has put aside is left alone", limited_and_rotated},
    {"a file that cannot be put aside grows on", limited_in_vain},
};

int main(void)
{
  if (!mkdtemp(folder))
    return 1;
  snprintf(path, sizeof(path), "%s/log", folder);
  snprintf(aside, sizeof(aside), "%s.1", path);
  int status = test_main("monitor-logfile", cases, sizeof(cases) / sizeof(cases[0]));
  unlink(path);
  unlink(aside);
  rmdir(folder);
  return status;
}
