#include "monitor/logfmt.h"

#include <stdlib.h>

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

/* The date is made once a second; the next second, or an earlier one, is another date. */
static bool stamps(void)
{
  static const struct timespec times[] = {{0, 1}, {59, 2}, {59, 999999999}, {60, 3}, {59, 4}};
  reset();
  for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
    log_feed(&batch, &carry, i % 2 ? LOG_STDERR : LOG_STDOUT, times[i], (const uint8_t *)"\n", 1);
  CHECK(is("1970-01-01T00:00:00.000000001Z stdout F \n1970-01-01T00:00:59.000000002Z stderr F \n"
           "1970-01-01T00:00:59.999999999Z stdout F \n1970-01-01T00:01:00.000000003Z stderr F \n"
           "1970-01-01T00:00:59.000000004Z stdout F \n"));
  return true;
}

/* Any byte but the newline is text: zeros, control characters, halves of UTF-8. */
static bool binary(void)
{
  uint8_t line[256];
  reset();
  for (int i = 0; i < 256; i++)
    line[i] = (uint8_t)(i == '\n' ? 0 : i);
  line[255] = '\n';
  log_feed(&batch, &carry, LOG_STDOUT, when, line, sizeof(line));
  log_flush(&batch);
  CHECK(sink.size == LOG_PREFIX + sizeof(line) && memcmp(sink.data + LOG_PREFIX, line, sizeof(line)) == 0);
  CHECK(log_record_stream((const uint8_t *)sink.data) == LOG_STDOUT && !log_record_is_partial((const uint8_t *)sink.data));
  reset();
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
    {"a date is kept for its second only", stamps},
    {"every byte is kept", binary},
};

TEST_MAIN("monitor-log", cases)
