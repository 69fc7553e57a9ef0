/*
 * The container's log: both streams cut into records, once, which go to every sink. It watches no descriptor and sets no
 * timer; who feeds it does, and says what time it is.
 */
#ifndef CONMON_MONITOR_LOGGER_H
#define CONMON_MONITOR_LOGGER_H

#include "monitor/logfile.h"
#include "monitor/logfmt.h"
#include "monitor/logjournal.h"

#define LOGGER_FILES_MAX 4
#define LOGGER_FIELDS_MAX 32
/* How long the end of a line is waited for, and how long the memory is kept for more to write. */
#define LOGGER_IDLE_MS 1000

struct logger_options {
  const char *paths[LOGGER_FILES_MAX];
  int path_count;
  /* Of each file; 0: none. */
  uint64_t size_max;
  /* NAME=VALUE; without any there is no journal. */
  const char *fields[LOGGER_FIELDS_MAX];
  int field_count;
};

/* What one stream has written of a line that has not ended. */
struct logger_line {
  int64_t fed_at;
  bool fresh;
  struct log_carry carry;
};

struct logger {
  /* Files first. The first sink is the one that is spoken of. */
  struct log_sink *sinks[LOGGER_FILES_MAX + 1];
  int count;
  /* Cleared by logger_close, after which nothing is written. */
  bool open;
  struct logfile files[LOGGER_FILES_MAX];
  struct logjournal journal;
  int64_t now;
  int64_t flushed_at;
  /* Zeroed when idle, when no line is unfinished. */
  struct logger_line lines[2];
  struct log_batch batch;
};

/* Opens every sink. `changed` tells what happens to the first file. What was opened is closed again if one cannot be. */
int logger_open(struct logger *logger, const struct logger_options *options, log_changed_fn *changed, void *owner, struct err *err);
/* Whether anything is kept at all. */
bool logger_keeps(const struct logger *logger);
/* Takes what a stream has written at this time. It is with the sinks after logger_flush at the latest. */
void logger_feed(struct logger *logger, enum log_stream stream, struct timespec when, const uint8_t *data, size_t size);
/* `now` is CLOCK_MONOTONIC in milliseconds, here and below. */
void logger_flush(struct logger *logger, int64_t now);
/*
 * To be called LOGGER_IDLE_MS after a flush, and then after so many milliseconds as it says: writes lines whose end has not
 * come, and has the sinks look after themselves. 0: not before the next flush; then the memory is given back.
 */
int64_t logger_tick(struct logger *logger, struct timespec when, int64_t now);
/* Opens every file anew, the others even if one fails; the outcome is the first one's. */
int logger_reopen(struct logger *logger, struct err *err);
/* What there is of unfinished lines is written, and the sinks are closed; what they have counted stays. */
void logger_close(struct logger *logger, struct timespec when, int64_t now);

/* What the first sink has kept and lost; and its file, zeros if it is none. */
struct logger_facts {
  uint64_t logged;
  uint64_t dropped;
  uint64_t inode;
  uint64_t size;
};
struct logger_facts logger_facts(const struct logger *logger);

#endif
