#include "monitor/logjournal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/scope.h"
#include "lib/wire.h"
#include "monitor/logfmt.h"

#define NAME_MAX_LENGTH 64

static bool is_capital(char c)
{
  return c >= 'A' && c <= 'Z';
}

bool logjournal_is_field(const char *field)
{
  size_t length = strcspn(field, "=");
  if (field[length] != '=' || length > NAME_MAX_LENGTH || !is_capital(field[0]))
    return false;
  for (size_t i = 1; i < length; i++)
    if (!is_capital(field[i]) && field[i] != '_' && !(field[i] >= '0' && field[i] <= '9'))
      return false;
  return true;
}

/* `NAME=VALUE\n`, or if the value has lines: the name, its end, the value's size and bytes, and the end. */
static void put_field(struct wire_writer *to, const char *field)
{
  const char *value = strchr(field, '=') + 1;
  if (!strchr(value, '\n')) {
    wire_put_raw(to, field, strlen(field));
  } else {
    wire_put_raw(to, field, (size_t)(value - 1 - field));
    wire_put_u8(to, '\n');
    wire_put_u64(to, strlen(value));
    wire_put_raw(to, value, strlen(value));
  }
  wire_put_u8(to, '\n');
}

static struct iovec part(const void *data, size_t size)
{
  struct iovec part = {.iov_len = size};
  /* sendmsg changes nothing. */
  memcpy(&part.iov_base, &data, sizeof(data));
  return part;
}

static struct iovec text(const char *string)
{
  return part(string, strlen(string));
}

static bool send_record(struct logjournal *journal, const uint8_t *record, size_t size)
{
  /* No message holds a newline: it can always go as text. */
  struct iovec parts[] = {
      text("MESSAGE="),
      part(record + LOG_PREFIX, size - LOG_PREFIX),
      text(log_record_stream(record) == LOG_STDERR ? "PRIORITY=3\n" : "PRIORITY=6\n"),
      text(log_record_is_partial(record) ? "CONTAINER_PARTIAL_MESSAGE=true\n" : ""),
      part(journal->fields, journal->fields_size),
  };
  struct msghdr message = {
      .msg_name = &journal->address,
      .msg_namelen = sizeof(journal->address),
      .msg_iov = parts,
      .msg_iovlen = sizeof(parts) / sizeof(parts[0]),
  };
  ssize_t sent;
  do
    sent = sendmsg(journal->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

static void write_records(struct log_sink *sink, const uint8_t *records, size_t size, int64_t now)
{
  (void)now;
  struct logjournal *journal = (struct logjournal *)sink;
  while (size > 0) {
    const uint8_t *end = memchr(records, '\n', size);
    size_t length = end ? (size_t)(end - records) + 1 : size;
    /* One that is too busy, or not there, is not asked again for each record of a burst. */
    if (!send_record(journal, records, length))
      break;
    sink->logged += length;
    records += length;
    size -= length;
  }
  sink->dropped += size;
}

static void finish(struct log_sink *sink)
{
  struct logjournal *journal = (struct logjournal *)sink;
  close_fd(&journal->fd);
  free(journal->fields);
  journal->fields = NULL;
}

/* The address is looked up for each message: a journald that was started anew is found by itself. */
static const struct log_sink_ops ops = {.write = write_records, .close = finish};

int logjournal_open(struct logjournal *journal, const char *socket_path, const char *const fields[], int count, struct err *err)
{
  *journal = (struct logjournal){.sink.ops = &ops, .fd = -1, .address.sun_family = AF_UNIX};
  int length = snprintf(journal->address.sun_path, sizeof(journal->address.sun_path), "%s", socket_path);
  if (length >= (int)sizeof(journal->address.sun_path))
    return err_set(err, ENAMETOOLONG, "the journal's socket %s", socket_path);
  _cleanup_wire_ struct wire_writer encoded = wire_writer(LOGJOURNAL_FIELDS_MAX);
  for (int i = 0; i < count; i++)
    put_field(&encoded, fields[i]);
  if (encoded.failed)
    return err_set(err, E2BIG, "the fields for the journal: more than %u bytes", LOGJOURNAL_FIELDS_MAX);
  journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (journal->fd < 0)
    return err_set(err, errno, "a socket for the journal");
  journal->fields = encoded.data;
  journal->fields_size = encoded.size;
  encoded.data = NULL;
  return 0;
}
