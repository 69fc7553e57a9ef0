/*
 * Log records as messages to journald, in its native protocol: one datagram each, never waited for. What it does not take
 * at once is dropped and counted.
 */
#ifndef CONMON_MONITOR_LOGJOURNAL_H
#define CONMON_MONITOR_LOGJOURNAL_H

#include <stdbool.h>
#include <sys/un.h>

#include "monitor/logsink.h"

#define LOGJOURNAL_SOCKET "/run/systemd/journal/socket"
/* Of all fields together. */
#define LOGJOURNAL_FIELDS_MAX (64u * 1024)

struct logjournal {
  struct log_sink sink;
  int fd;
  struct sockaddr_un address;
  /* As they are sent with each message. */
  uint8_t *fields;
  size_t fields_size;
};

/* Whether the text is NAME=VALUE with a name that journald takes: capitals, digits and _, the first a capital; at most 64. */
bool logjournal_is_field(const char *field);
/* The socket need not be there yet. */
int logjournal_open(struct logjournal *journal, const char *socket_path, const char *const fields[], int count, struct err *err);

#endif
