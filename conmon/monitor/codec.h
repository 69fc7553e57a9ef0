/* Frames and the values in them, without any I/O: what the test vectors check. */
#ifndef CONMON_MONITOR_CODEC_H
#define CONMON_MONITOR_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"
#include "monitor/protocol.h"

struct frame {
  uint8_t type;
  uint32_t tag;
  const uint8_t *data;
  size_t size;
};

/* How a process ended. `reason` says why it is not known or was not started, "" otherwise. */
struct exit_status {
  enum status_kind kind;
  uint32_t value;
  char reason[64];
};

struct exit_record {
  struct exit_status status;
  /* Nanoseconds since the epoch; started is 0 if it never was. */
  uint64_t started_at;
  uint64_t finished_at;
  enum oom_verdict oom;
  /* Bytes of log records, with their prefixes. */
  uint64_t bytes_logged;
  uint64_t bytes_dropped;
};

struct state_view {
  enum state_kind kind;
  uint32_t pid;
  uint64_t start_time;
  uint64_t started_at;
  struct exit_record record;
  const char *message;
};

struct hello {
  uint16_t version;
  uint8_t role;
};

/* What has happened to the first log file, and what it is now. */
struct log_notice {
  enum log_change what;
  uint64_t inode;
  uint64_t size;
  uint64_t dropped;
};

struct exec_request {
  uint8_t flags;
  uint32_t timeout_ms;
  uint64_t output_cap;
  const uint8_t *process;
  size_t process_size;
};

/*
 * Looks for one frame at the start of the bytes. 1: found, `used` bytes; 0: more bytes are needed, `used` of them in all
 * as far as is known; -1: it cannot be a frame of this role (`why` says what is wrong).
 */
int frame_parse(enum role role, const uint8_t *data, size_t size, struct frame *frame, size_t *used, const char **why);
void frame_header(uint8_t header[FRAME_HEADER], uint8_t type, uint32_t tag, size_t size);

/* Payloads of what clients send; false if the payload is not exactly that. */
bool parse_hello(const struct frame *frame, struct hello *hello);
bool parse_u32(const struct frame *frame, uint32_t *value);
bool parse_resize(const struct frame *frame, uint16_t *width, uint16_t *height);
bool parse_attach(const struct frame *frame, uint8_t *flags);
bool parse_subscribe(const struct frame *frame, uint32_t *mask);
bool parse_exec(const struct frame *frame, struct exec_request *request);

/* Payloads of what the monitor sends. */
void put_status(struct wire_writer *w, const struct exit_status *status);
void put_record(struct wire_writer *w, const struct exit_record *record);
void put_state(struct wire_writer *w, const struct state_view *state);
void put_welcome(struct wire_writer *w, enum role role, uint8_t flags, uint32_t pid, const char *id, const struct state_view *state);
void put_oom(struct wire_writer *w, uint64_t count, uint64_t when);
void put_log(struct wire_writer *w, const struct log_notice *notice);
void put_error(struct wire_writer *w, enum protocol_error code, const char *message);

/* Reads what put_record wrote. */
bool get_record(struct wire_reader *r, struct exit_record *record);
/* From a wait status. */
struct exit_status status_of_wait(int wait_status);
struct exit_status status_unknown(const char *reason);

#endif
