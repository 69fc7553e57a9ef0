#include "monitor/logger.h"

#include "monitor/memory.h"

static void to_sinks(void *owner, const uint8_t *records, size_t size)
{
  struct logger *logger = owner;
  for (int i = 0; i < logger->count; i++)
    logger->sinks[i]->ops->write(logger->sinks[i], records, size, logger->now);
}

static void close_sinks(struct logger *logger)
{
  for (int i = 0; i < logger->count; i++)
    logger->sinks[i]->ops->close(logger->sinks[i]);
}

static int open_sinks(struct logger *logger, const struct logger_options *options, struct err *err)
{
  for (int i = 0; i < options->path_count; i++) {
    if (logfile_open(&logger->files[i], options->paths[i], options->size_max, err) < 0)
      return -err->code;
    logger->sinks[logger->count++] = &logger->files[i].sink;
  }
  if (options->field_count == 0)
    return 0;
  if (logjournal_open(&logger->journal, LOGJOURNAL_SOCKET, options->fields, options->field_count, err) < 0)
    return -err->code;
  logger->sinks[logger->count++] = &logger->journal.sink;
  return 0;
}

int logger_open(struct logger *logger, const struct logger_options *options, log_changed_fn *changed, void *owner, struct err *err)
{
  logger->count = 0;
  logger->batch.flush = to_sinks;
  logger->batch.owner = logger;
  if (open_sinks(logger, options, err) < 0) {
    close_sinks(logger);
    logger->count = 0;
    return -err->code;
  }
  logger->open = true;
  if (options->path_count > 0) {
    logger->sinks[0]->changed = changed;
    logger->sinks[0]->owner = owner;
  }
  return 0;
}

bool logger_keeps(const struct logger *logger)
{
  return logger->open && logger->count > 0;
}

void logger_feed(struct logger *logger, enum log_stream stream, struct timespec when, const uint8_t *data, size_t size)
{
  struct logger_line *line = &logger->lines[stream];
  log_feed(&logger->batch, &line->carry, stream, when, data, size);
  line->fresh = true;
}

void logger_flush(struct logger *logger, int64_t now)
{
  logger->now = now;
  logger->flushed_at = now;
  for (int stream = 0; stream < 2; stream++) {
    struct logger_line *line = &logger->lines[stream];
    if (line->fresh)
      line->fed_at = now;
    line->fresh = false;
  }
  log_flush(&logger->batch);
}

/* How long something still has to be waited for that began then. */
static int64_t left_of(int64_t since, int64_t now)
{
  return since + LOGGER_IDLE_MS > now ? since + LOGGER_IDLE_MS - now : 0;
}

static int64_t sooner(int64_t one, int64_t other)
{
  if (one == 0 || other == 0)
    return one + other;
  return one < other ? one : other;
}

int64_t logger_tick(struct logger *logger, struct timespec when, int64_t now)
{
  int64_t next = 0;
  for (int stream = 0; stream < 2; stream++) {
    struct logger_line *line = &logger->lines[stream];
    int64_t left = left_of(line->fed_at, now);
    if (line->carry.size > 0 && left > 0)
      next = sooner(next, left);
    else
      log_finish(&logger->batch, &line->carry, (enum log_stream)stream, when);
  }
  if (logger->batch.size > 0)
    logger_flush(logger, now);
  for (int i = 0; i < logger->count; i++)
    if (logger->sinks[i]->ops->look && logger->sinks[i]->ops->look(logger->sinks[i], now))
      next = sooner(next, LOGGER_IDLE_MS);
  next = sooner(next, left_of(logger->flushed_at, now));
  if (next == 0) {
    memory_give_back(logger->lines, sizeof(logger->lines));
    memory_give_back(logger->batch.data, sizeof(logger->batch.data));
  }
  return next;
}

int logger_reopen(struct logger *logger, struct err *err)
{
  int outcome = 0;
  for (int i = 0; logger->open && i < logger->count; i++) {
    struct log_sink *sink = logger->sinks[i];
    int failed = sink->ops->reopen ? sink->ops->reopen(sink, i == 0 ? err : NULL) : 0;
    if (i == 0)
      outcome = failed;
  }
  return outcome;
}

void logger_close(struct logger *logger, struct timespec when, int64_t now)
{
  log_finish(&logger->batch, &logger->lines[LOG_STDOUT].carry, LOG_STDOUT, when);
  log_finish(&logger->batch, &logger->lines[LOG_STDERR].carry, LOG_STDERR, when);
  logger_flush(logger, now);
  if (logger->open)
    close_sinks(logger);
  logger->open = false;
}

struct logger_facts logger_facts(const struct logger *logger)
{
  if (logger->count == 0)
    return (struct logger_facts){0};
  const struct log_sink *sink = logger->sinks[0];
  struct logger_facts facts = {.logged = sink->logged, .dropped = sink->dropped};
  if (logger->open && sink == &logger->files[0].sink) {
    facts.inode = logger->files[0].inode;
    facts.size = logger->files[0].to.size;
  }
  return facts;
}
