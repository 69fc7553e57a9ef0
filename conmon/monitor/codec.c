#include "monitor/codec.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* The longest payload of each frame that a client of this role may send; -1 if it may not send it at all. */
static int64_t limit_of(enum role role, uint8_t type)
{
  switch (role) {
  case ROLE_NONE:
    return type == FRAME_HELLO ? (int64_t)FRAME_MAX_SMALL : -1;
  case ROLE_CONTROL:
    return type >= FRAME_START && type <= FRAME_RELEASE ? (int64_t)FRAME_MAX_SMALL : -1;
  case ROLE_EXEC:
    switch (type) {
    case FRAME_EXEC:
      return FRAME_MAX_EXEC;
    case FRAME_STDIN:
      return FRAME_MAX_DATA;
    case FRAME_STDIN_EOF:
    case FRAME_RESIZE:
      return FRAME_MAX_SMALL;
    default:
      return -1;
    }
  case ROLE_ATTACH:
    switch (type) {
    case FRAME_STDIN:
      return FRAME_MAX_DATA;
    case FRAME_ATTACH:
    case FRAME_STDIN_EOF:
    case FRAME_RESIZE:
      return FRAME_MAX_SMALL;
    default:
      return -1;
    }
  case ROLE_EVENTS:
    return type == FRAME_SUBSCRIBE ? (int64_t)FRAME_MAX_SMALL : -1;
  }
  return -1;
}

int frame_parse(enum role role, const uint8_t *data, size_t size, struct frame *frame, size_t *used, const char **why)
{
  *used = FRAME_HEADER;
  if (size < FRAME_HEADER)
    return 0;
  struct wire_reader r = wire_reader(data, FRAME_HEADER);
  uint32_t length = wire_get_u32(&r);
  frame->type = wire_get_u8(&r);
  uint8_t reserved = wire_get_u8(&r);
  reserved |= wire_get_u8(&r);
  reserved |= wire_get_u8(&r);
  frame->tag = wire_get_u32(&r);
  int64_t limit = limit_of(role, frame->type);
  if (reserved != 0 || limit < 0) {
    *why = role == ROLE_NONE ? "expected HELLO" : "a frame that this role does not know";
    return -1;
  }
  if (length > (uint64_t)limit) {
    *why = "a frame that is too long";
    return -1;
  }
  *used = FRAME_HEADER + (size_t)length;
  if (size < *used)
    return 0;
  frame->data = data + FRAME_HEADER;
  frame->size = length;
  return 1;
}

void frame_header(uint8_t header[FRAME_HEADER], uint8_t type, uint32_t tag, size_t size)
{
  memset(header, 0, FRAME_HEADER);
  for (int i = 0; i < 4; i++) {
    header[i] = (uint8_t)(size >> (8 * i));
    header[8 + i] = (uint8_t)(tag >> (8 * i));
  }
  header[4] = type;
}

bool parse_hello(const struct frame *frame, struct hello *hello)
{
  struct wire_reader r = wire_reader(frame->data, frame->size);
  uint32_t magic = wire_get_u32(&r);
  hello->version = wire_get_u16(&r);
  hello->role = wire_get_u8(&r);
  /* A later version may add fields: only what every version has is checked here. */
  return !r.failed && magic == PROTOCOL_MAGIC;
}

bool parse_u32(const struct frame *frame, uint32_t *value)
{
  struct wire_reader r = wire_reader(frame->data, frame->size);
  *value = wire_get_u32(&r);
  return wire_done(&r);
}

bool parse_resize(const struct frame *frame, uint16_t *width, uint16_t *height)
{
  struct wire_reader r = wire_reader(frame->data, frame->size);
  *width = wire_get_u16(&r);
  *height = wire_get_u16(&r);
  return wire_done(&r);
}

bool parse_attach(const struct frame *frame, uint8_t *flags)
{
  struct wire_reader r = wire_reader(frame->data, frame->size);
  *flags = wire_get_u8(&r);
  return wire_done(&r) && *flags <= (ATTACH_STDIN | ATTACH_STDOUT | ATTACH_STDERR);
}

bool parse_subscribe(const struct frame *frame, uint32_t *mask)
{
  return parse_u32(frame, mask) && *mask != 0 && *mask <= (EVENTS_STATE | EVENTS_OOM | EVENTS_LOG);
}

bool parse_exec(const struct frame *frame, struct exec_request *request)
{
  struct wire_reader r = wire_reader(frame->data, frame->size);
  request->flags = wire_get_u8(&r);
  request->timeout_ms = wire_get_u32(&r);
  request->output_cap = wire_get_u64(&r);
  request->process = wire_get_bytes(&r, &request->process_size);
  return wire_done(&r) && request->process_size > 0 && request->flags <= (EXEC_STDIN | EXEC_TTY);
}

void put_status(struct wire_writer *w, const struct exit_status *status)
{
  wire_put_u8(w, (uint8_t)status->kind);
  wire_put_u32(w, status->value);
  wire_put_str(w, status->reason);
}

void put_record(struct wire_writer *w, const struct exit_record *record)
{
  put_status(w, &record->status);
  wire_put_u64(w, record->started_at);
  wire_put_u64(w, record->finished_at);
  wire_put_u8(w, (uint8_t)record->oom);
  wire_put_u64(w, record->bytes_logged);
  wire_put_u64(w, record->bytes_dropped);
}

bool get_record(struct wire_reader *r, struct exit_record *record)
{
  uint8_t kind = wire_get_u8(r);
  record->status.value = wire_get_u32(r);
  const char *reason = wire_get_str(r);
  if (kind < ST_EXITED || kind > ST_NOT_STARTED || strlen(reason) >= sizeof(record->status.reason))
    return false;
  record->status.kind = (enum status_kind)kind;
  snprintf(record->status.reason, sizeof(record->status.reason), "%s", reason);
  record->started_at = wire_get_u64(r);
  record->finished_at = wire_get_u64(r);
  uint8_t oom = wire_get_u8(r);
  if (oom > OOM_INFERRED)
    return false;
  record->oom = (enum oom_verdict)oom;
  record->bytes_logged = wire_get_u64(r);
  record->bytes_dropped = wire_get_u64(r);
  return !r->failed;
}

void put_state(struct wire_writer *w, const struct state_view *state)
{
  wire_put_u8(w, (uint8_t)state->kind);
  switch (state->kind) {
  case SK_CREATING:
    break;
  case SK_CREATED:
    wire_put_u32(w, state->pid);
    wire_put_u64(w, state->start_time);
    break;
  case SK_RUNNING:
    wire_put_u32(w, state->pid);
    wire_put_u64(w, state->start_time);
    wire_put_u64(w, state->started_at);
    break;
  case SK_EXITED:
    put_record(w, &state->record);
    break;
  case SK_FAILED:
    wire_put_str(w, state->message);
    break;
  }
}

void put_welcome(struct wire_writer *w, enum role role, uint8_t flags, uint32_t pid, const char *id, const struct state_view *state)
{
  wire_put_u16(w, PROTOCOL_VERSION);
  wire_put_u8(w, (uint8_t)role);
  wire_put_u8(w, flags);
  wire_put_u32(w, pid);
  wire_put_str(w, id);
  put_state(w, state);
}

void put_oom(struct wire_writer *w, uint64_t count, uint64_t when)
{
  wire_put_u64(w, count);
  wire_put_u64(w, when);
}

void put_log(struct wire_writer *w, const struct log_notice *notice)
{
  wire_put_u8(w, (uint8_t)notice->what);
  wire_put_u64(w, notice->inode);
  wire_put_u64(w, notice->size);
  wire_put_u64(w, notice->dropped);
}

void put_error(struct wire_writer *w, enum protocol_error code, const char *message)
{
  wire_put_u16(w, (uint16_t)code);
  wire_put_str(w, message);
}

struct exit_status status_of_wait(int wait_status)
{
  if (WIFEXITED(wait_status))
    return (struct exit_status){.kind = ST_EXITED, .value = (uint32_t)WEXITSTATUS(wait_status)};
  if (WIFSIGNALED(wait_status))
    return (struct exit_status){.kind = ST_SIGNALED, .value = (uint32_t)WTERMSIG(wait_status)};
  return status_unknown("the wait status says neither exit nor signal");
}

struct exit_status status_unknown(const char *reason)
{
  struct exit_status status = {.kind = ST_UNKNOWN};
  snprintf(status.reason, sizeof(status.reason), "%s", reason);
  return status;
}
