#include "monitor/logfmt.h"

#include <string.h>

static void put_digits(char *at, unsigned long value, int digits)
{
  for (int i = digits - 1; i >= 0; i--) {
    at[i] = (char)('0' + value % 10);
    value /= 10;
  }
}

/*
 * Seconds to a civil date by hand: gmtime_r reads the time zone files first. The year begins in March here, so that the
 * leap day is its last one (eras of 400 years = 146097 days).
 */
static void format_date(char date[19], time_t second)
{
  unsigned long seconds = second < 0 ? 0 : (unsigned long)second;
  unsigned long time = seconds % 86400;
  unsigned long days = seconds / 86400 + 719468;
  unsigned long era = days / 146097;
  unsigned long day_of_era = days % 146097;
  unsigned long year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned long shifted = (5 * day_of_year + 2) / 153;
  unsigned long day = day_of_year - (153 * shifted + 2) / 5 + 1;
  unsigned long month = shifted < 10 ? shifted + 3 : shifted - 9;
  unsigned long year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  memcpy(date, "0000-00-00T00:00:00", 19);
  put_digits(date, year, 4);
  put_digits(date + 5, month, 2);
  put_digits(date + 8, day, 2);
  put_digits(date + 11, time / 3600, 2);
  put_digits(date + 14, time / 60 % 60, 2);
  put_digits(date + 17, time % 60, 2);
}

static void put_rest(char prefix[LOG_PREFIX], enum log_stream stream, struct timespec when)
{
  prefix[19] = '.';
  put_digits(prefix + 20, (unsigned long)when.tv_nsec, 9);
  memcpy(prefix + 29, stream == LOG_STDOUT ? "Z stdout F " : "Z stderr F ", 11);
}

void log_prefix(char prefix[LOG_PREFIX], enum log_stream stream, struct timespec when)
{
  format_date(prefix, when.tv_sec);
  put_rest(prefix, stream, when);
}

static const char *cached_prefix(struct log_batch *batch, enum log_stream stream, struct timespec when)
{
  if (batch->second != when.tv_sec || batch->prefix[0] == '\0')
    format_date(batch->prefix, when.tv_sec);
  batch->second = when.tv_sec;
  put_rest(batch->prefix, stream, when);
  return batch->prefix;
}

void log_flush(struct log_batch *batch)
{
  if (batch->size > 0)
    batch->flush(batch->owner, batch->data, batch->size);
  batch->size = 0;
}

/* One record: the carry's text, then the data. */
static void emit(struct log_batch *batch, const char prefix[LOG_PREFIX], char tag, struct log_carry *carry, const uint8_t *data,
                 size_t size)
{
  if (LOG_BATCH_MAX - batch->size < LOG_PREFIX + carry->size + size + 1)
    log_flush(batch);
  uint8_t *at = batch->data + batch->size;
  memcpy(at, prefix, LOG_PREFIX);
  at[LOG_PREFIX - 2] = (uint8_t)tag;
  at += LOG_PREFIX;
  if (carry->size > 0)
    memcpy(at, carry->text, carry->size);
  at += carry->size;
  memcpy(at, data, size);
  at += size;
  *at++ = '\n';
  batch->size = (size_t)(at - batch->data);
  carry->size = 0;
}

void log_feed(struct log_batch *batch, struct log_carry *carry, enum log_stream stream, struct timespec when, const uint8_t *data,
              size_t size)
{
  const char *prefix = cached_prefix(batch, stream, when);
  while (size > 0) {
    size_t room = LOG_LINE_MAX - carry->size;
    /* One byte further than fits: the newline may stand right behind a line that is just full. */
    size_t scan = size < room + 1 ? size : room + 1;
    const uint8_t *newline = memchr(data, '\n', scan);
    size_t taken;
    if (newline) {
      taken = (size_t)(newline - data);
      emit(batch, prefix, 'F', carry, data, taken);
      taken++;
    } else if (size > room) {
      taken = room;
      emit(batch, prefix, 'P', carry, data, taken);
    } else {
      taken = size;
      memcpy(carry->text + carry->size, data, taken);
      carry->size += taken;
    }
    data += taken;
    size -= taken;
  }
}

void log_finish(struct log_batch *batch, struct log_carry *carry, enum log_stream stream, struct timespec when)
{
  if (carry->size == 0)
    return;
  const char *prefix = cached_prefix(batch, stream, when);
  static const uint8_t nothing[1];
  emit(batch, prefix, 'P', carry, nothing, 0);
}
