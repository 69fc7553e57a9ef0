#include "monitor/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/test.h"

#define STAMP "2023-11-14T22:13:20.000000042Z "

static const struct timespec when = {.tv_sec = 1700000000, .tv_nsec = 42};

static char folder[] = "/tmp/conmon-logger-XXXXXX";
static char paths[LOGGER_FILES_MAX][64];
static struct logger logger;
static char told[64];

static void note(void *owner, enum log_change what)
{
  (void)owner;
  size_t used = strlen(told);
  snprintf(told + used, sizeof(told) - used, "%d", what);
}

static bool begin(int files, uint64_t size_max)
{
  struct logger_options options = {.path_count = files, .size_max = size_max};
  for (int i = 0; i < LOGGER_FILES_MAX; i++) {
    unlink(paths[i]);
    options.paths[i] = paths[i];
  }
  told[0] = '\0';
  logger = (struct logger){0};
  return logger_open(&logger, &options, note, NULL, NULL) == 0;
}

static void feed(enum log_stream stream, const char *text)
{
  logger_feed(&logger, stream, when, (const uint8_t *)text, strlen(text));
}

static bool holds(int file, const char *expected)
{
  static char text[4096];
  bool same = read_text(paths[file], text, sizeof(text)) >= 0 && strcmp(text, expected) == 0;
  if (!same)
    fprintf(stderr, "# file %d holds: %s\n", file, text);
  return same;
}

static bool prompt(void)
{
  CHECK(begin(1, 0));
  feed(LOG_STDOUT, "login: ");
  logger_flush(&logger, 5000);
  feed(LOG_STDERR, "wai");
  logger_flush(&logger, 5600);
  feed(LOG_STDERR, "t");
  logger_flush(&logger, 5700);
  CHECK(holds(0, ""));
  /* It says when it has to be asked again: when the other stream has been silent for a second. */
  CHECK(logger_tick(&logger, when, 6000) == 700);
  CHECK(holds(0, STAMP "stdout P login: \n"));
  CHECK(logger_tick(&logger, when, 6699) == 1);
  feed(LOG_STDOUT, "root\n");
  logger_flush(&logger, 6699);
  CHECK(logger_tick(&logger, when, 6700) > 0);
  CHECK(holds(0, STAMP "stdout P login: \n" STAMP "stdout F root\n" STAMP "stderr P wait\n"));
  CHECK(logger_tick(&logger, when, 7700) == 0);
  logger_close(&logger, when, 8000);
  CHECK(holds(0, STAMP "stdout P login: \n" STAMP "stdout F root\n" STAMP "stderr P wait\n"));
  return true;
}

static bool unfinished_at_the_end(void)
{
  CHECK(begin(1, 0));
  feed(LOG_STDOUT, "out");
  feed(LOG_STDERR, "err");
  logger_close(&logger, when, 0);
  CHECK(holds(0, STAMP "stdout P out\n" STAMP "stderr P err\n"));
  struct logger_facts facts = logger_facts(&logger);
  CHECK(facts.logged == 2 * (LOG_PREFIX + 4) && facts.inode == 0);
  struct err err;
  CHECK(logger_reopen(&logger, &err) == 0 && !logger_keeps(&logger));
  return true;
}

static ssize_t no_room(int fd, const void *data, size_t size)
{
  (void)fd;
  (void)data;
  (void)size;
  errno = ENOSPC;
  return -1;
}

static bool on_its_own(void)
{
  CHECK(begin(3, 0));
  logger.files[1].to.write = no_room;
  feed(LOG_STDOUT, "one\n");
  logger_flush(&logger, 0);
  CHECK(unlink(paths[2]) == 0);
  CHECK(logger_tick(&logger, when, 1000) == 0);
  feed(LOG_STDOUT, "two\n");
  logger_flush(&logger, 1001);
  CHECK(holds(0, STAMP "stdout F one\n" STAMP "stdout F two\n"));
  CHECK(holds(1, "") && logger.files[1].sink.dropped == 2 * (LOG_PREFIX + 4));
  CHECK(holds(2, STAMP "stdout F two\n"));
  /* Only of the first one is spoken, to which nothing has happened. */
  struct logger_facts facts = logger_facts(&logger);
  struct stat about;
  CHECK(stat(paths[0], &about) == 0 && facts.inode == about.st_ino && facts.size == 2 * (LOG_PREFIX + 4));
  CHECK(facts.dropped == 0 && told[0] == '\0');
  CHECK(unlink(paths[0]) == 0);
  feed(LOG_STDOUT, "three\n");
  logger_flush(&logger, 3000);
  CHECK(strcmp(told, "3") == 0 && holds(0, STAMP "stdout F three\n"));
  logger.files[1].to.write = write;
  logger_close(&logger, when, 9000);
  return true;
}

static bool reopen_all(void)
{
  struct err err;
  CHECK(begin(2, 0));
  for (int i = 0; i < 2; i++)
    CHECK(unlink(paths[i]) == 0);
  CHECK(mkdir(paths[0], 0700) == 0);
  CHECK(logger_reopen(&logger, &err) < 0 && access(paths[1], F_OK) == 0);
  CHECK(rmdir(paths[0]) == 0 && unlink(paths[1]) == 0 && mkdir(paths[1], 0700) == 0);
  CHECK(logger_reopen(&logger, &err) == 0 && access(paths[0], F_OK) == 0);
  logger_close(&logger, when, 0);
  return rmdir(paths[1]) == 0;
}

static bool opens_all_or_none(void)
{
  struct err err;
  struct logger_options options = {.paths = {paths[0], "/no/such/folder/log"}, .path_count = 2};
  logger = (struct logger){0};
  CHECK(logger_open(&logger, &options, NULL, NULL, &err) < 0 && err.code == ENOENT);
  CHECK(!logger_keeps(&logger) && logger.files[0].to.fd < 0);
  CHECK(begin(0, 0) && !logger_keeps(&logger));
  CHECK(logger_tick(&logger, when, 5000) == 0 && logger_reopen(&logger, &err) == 0);
  logger_close(&logger, when, 0);
  return true;
}

/* How many pages of the logger's buffers are in memory. */
static size_t resident(void)
{
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = (uintptr_t)logger.lines / page * page;
  uintptr_t to = (uintptr_t)(&logger + 1) / page * page;
  unsigned char in[64];
  size_t pages = (to - from) / page;
  size_t count = 0;
  void *start;
  memcpy(&start, &from, sizeof(start));
  if (pages > sizeof(in) || mincore(start, to - from, in) < 0)
    return SIZE_MAX;
  for (size_t i = 0; i < pages; i++)
    count += in[i] & 1;
  return count;
}

static bool gives_back(void)
{
  static char text[40000];
  CHECK(begin(1, 0));
  memset(text, 'x', sizeof(text));
  for (size_t i = 99; i < sizeof(text) - 14000; i += 100)
    text[i] = '\n';
  for (int stream = 0; stream < 2; stream++)
    logger_feed(&logger, (enum log_stream)stream, when, (const uint8_t *)text, sizeof(text));
  logger_flush(&logger, 0);
  size_t before = resident();
  CHECK(before > 20);
  CHECK(logger_tick(&logger, when, 999) == 1 && resident() == before);
  CHECK(logger_tick(&logger, when, 1000) > 0);
  CHECK(logger_tick(&logger, when, 2000) == 0 && resident() <= 4);
  /* What comes then is none the worse for it. */
  feed(LOG_STDERR, "again\n");
  uint64_t logged = logger_facts(&logger).logged;
  logger_flush(&logger, 3000);
  CHECK(logger_facts(&logger).logged == logged + LOG_PREFIX + 6);
  logger_close(&logger, when, 0);
  return true;
}

static char socket_path[64];

/* A journald that only listens. */
static int listen_as_journal(void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
  unlink(socket_path);
  _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? steal_fd(&fd) : -1;
}

static bool receives(int fd, const char *expected, size_t size)
{
  char message[1024];
  ssize_t got = recv(fd, message, sizeof(message), 0);
  bool same = got == (ssize_t)size && memcmp(message, expected, size) == 0;
  if (!same)
    fprintf(stderr, "# got: %.*s\n", got > 0 ? (int)got : 0, message);
  return same;
}

#define RECEIVES(fd, text) receives(fd, text, sizeof(text) - 1)

static void send_to(struct logjournal *journal, const char *records)
{
  journal->sink.ops->write(&journal->sink, (const uint8_t *)records, strlen(records), 0);
}

static bool to_journal(void)
{
  static const char *const fields[] = {"CONTAINER_NAME=web", "NOTE=two\nlines", "EMPTY="};
#define FIELDS "CONTAINER_NAME=web\nNOTE\n\x09\0\0\0\0\0\0\0two\nlines\nEMPTY=\n"
  struct logjournal journal;
  _cleanup_fd_ int fd = listen_as_journal();
  CHECK(fd >= 0 && logjournal_open(&journal, socket_path, fields, 3, NULL) == 0);
  send_to(&journal, STAMP "stdout F a line\n" STAMP "stderr F \n");
  CHECK(RECEIVES(fd, "MESSAGE=a line\nPRIORITY=6\n" FIELDS));
  CHECK(RECEIVES(fd, "MESSAGE=\nPRIORITY=3\n" FIELDS));
  send_to(&journal, STAMP "stdout P a part\n");
  CHECK(RECEIVES(fd, "MESSAGE=a part\nPRIORITY=6\nCONTAINER_PARTIAL_MESSAGE=true\n" FIELDS));
  CHECK(journal.sink.dropped == 0 && journal.sink.logged == 3 * (LOG_PREFIX + 1) + 12);
  journal.sink.ops->close(&journal.sink);
  return true;
}

static bool busy_journal(void)
{
  static const char *const fields[] = {"CONTAINER_NAME=web"};
  static const char burst[] = STAMP "stdout F 1\n" STAMP "stdout F 2\n";
  struct logjournal journal;
  _cleanup_fd_ int fd = listen_as_journal();
  CHECK(fd >= 0 && logjournal_open(&journal, socket_path, fields, 1, NULL) == 0);
  /* Nobody reads: some time it is full, and then nothing waits. */
  uint64_t sent = 0;
  for (; journal.sink.dropped == 0 && sent < 100000000; sent += strlen(burst))
    send_to(&journal, burst);
  CHECK(journal.sink.dropped > 0 && journal.sink.logged + journal.sink.dropped == sent);
  char message[256];
  while (recv(fd, message, sizeof(message), 0) > 0)
    ;
  /* A journald that has gone, and one that is started anew. */
  close_fd(&fd);
  unlink(socket_path);
  uint64_t dropped = journal.sink.dropped;
  send_to(&journal, burst);
  CHECK(journal.sink.dropped == dropped + strlen(burst));
  fd = listen_as_journal();
  send_to(&journal, STAMP "stdout F back\n");
  CHECK(RECEIVES(fd, "MESSAGE=back\nPRIORITY=6\nCONTAINER_NAME=web\n"));
  journal.sink.ops->close(&journal.sink);
  return true;
}

static bool journal_fields(void)
{
  static const char *const good[] = {"A=", "CONTAINER_ID_FULL=x", "A1=\n", "B==="};
  static const char *const bad[] = {"", "A", "=x", "_A=x", "1A=x", "a=x", "A-B=x", "A B=x",
                                    "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGGGG=x"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    CHECK(logjournal_is_field(good[i]));
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    CHECK(!logjournal_is_field(bad[i]));
  struct logjournal journal;
  struct err err;
  char path[200];
  memset(path, 'x', sizeof(path));
  path[sizeof(path) - 1] = '\0';
  CHECK(logjournal_open(&journal, path, good, 1, &err) == -ENAMETOOLONG);
  static char huge[LOGJOURNAL_FIELDS_MAX + 1] = "A=";
  memset(huge + 2, 'x', sizeof(huge) - 3);
  const char *const fields[] = {huge};
  CHECK(logjournal_open(&journal, socket_path, fields, 1, &err) == -E2BIG);
  return true;
}

static bool journal_alone(void)
{
  const struct logger_options options = {.fields = {"CONTAINER_NAME=web"}, .field_count = 1};
  struct err err;
  logger = (struct logger){0};
  CHECK(logger_open(&logger, &options, note, NULL, NULL) == 0 && logger_keeps(&logger));
  CHECK(logger_reopen(&logger, &err) == 0 && logger_tick(&logger, when, 5000) == 0);
  struct logger_facts facts = logger_facts(&logger);
  CHECK(facts.inode == 0 && facts.size == 0 && logger.journal.sink.changed == NULL);
  logger_close(&logger, when, 0);
  return true;
}

static const struct test_case cases[] = {
    {"a prompt is written after a second, the rest continues it", prompt},
    {"what has no end when the container ends is a P record", unfinished_at_the_end},
    {"each file fails and heals on its own", on_its_own},
    {"every file is opened anew, the first one counts", reopen_all},
    {"all sinks are opened, or none", opens_all_or_none},
    {"the memory is given back when nothing is written", gives_back},
    {"a record is a message for journald", to_journal},
    {"a journald that is busy or gone is not waited for", busy_journal},
    {"only what journald takes is a field", journal_fields},
    {"the journal may be the only sink", journal_alone},
};

int main(void)
{
  if (!mkdtemp(folder))
    return 1;
  for (int i = 0; i < LOGGER_FILES_MAX; i++)
    snprintf(paths[i], sizeof(paths[i]), "%s/log%d", folder, i);
  snprintf(socket_path, sizeof(socket_path), "%s/journal", folder);
  int status = test_main("monitor-logger", cases, sizeof(cases) / sizeof(cases[0]));
  for (int i = 0; i < LOGGER_FILES_MAX; i++)
    unlink(paths[i]);
  unlink(socket_path);
  rmdir(folder);
  return status;
}
