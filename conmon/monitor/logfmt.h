/*
 * Log records in the kubelet's format: `2006-01-02T15:04:05.999999999Z stdout F text`, nine digits, UTC.
 * A line is carried over from read to read, so that P marks only a line longer than 16 KiB, or one that never ended.
 */
#ifndef CONMON_MONITOR_LOGFMT_H
#define CONMON_MONITOR_LOGFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LOG_LINE_MAX (16u * 1024)
#define LOG_BATCH_MAX (64u * 1024)
/* "2006-01-02T15:04:05.999999999Z stdout F " */
#define LOG_PREFIX 40

enum log_stream { LOG_STDOUT = 0, LOG_STDERR = 1 };

/* The unfinished line of one stream. */
struct log_carry {
  size_t size;
  uint8_t text[LOG_LINE_MAX];
};

/* Records that wait to be written together. */
struct log_batch {
  size_t size;
  /* Takes all of the batch, whatever happens to it. */
  void (*flush)(void *owner, const uint8_t *data, size_t size);
  void *owner;
  /* The last prefix that was made, and the second in it: the date is the dear part. */
  time_t second;
  char prefix[LOG_PREFIX];
  uint8_t data[LOG_BATCH_MAX];
};

/* What the prefix of a record says. */
static inline enum log_stream log_record_stream(const uint8_t *record)
{
  return record[LOG_PREFIX - 6] == 'e' ? LOG_STDERR : LOG_STDOUT;
}

static inline bool log_record_is_partial(const uint8_t *record)
{
  return record[LOG_PREFIX - 2] == 'P';
}

/* The time and stream of a record, tagged F. */
void log_prefix(char prefix[LOG_PREFIX], enum log_stream stream, struct timespec when);

/* Cuts the bytes into records with this time. What is not a whole line stays in the carry. */
void log_feed(struct log_batch *batch, struct log_carry *carry, enum log_stream stream, struct timespec when, const uint8_t *data,
              size_t size);
/* Nothing more is to be waited for: what there is of a line becomes a P record. */
void log_finish(struct log_batch *batch, struct log_carry *carry, enum log_stream stream, struct timespec when);
/* Hands the batch to `flush`. */
void log_flush(struct log_batch *batch);

#endif
