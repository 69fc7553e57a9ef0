/* Every test vector: client frames are parsed, monitor frames encoded, bad bytes refused. */
#include "monitor/codec.h"

#include <ctype.h>
#include <stdlib.h>

#include "monitor/record.h"
#include "tests/test.h"

#define BYTES_MAX 4096

static const struct exit_record exited = {.status = {.kind = ST_EXITED, .value = 7},
                                          .started_at = 1700000000123456789u,
                                          .finished_at = 1700000001000000002u,
                                          .oom = OOM_COUNTED,
                                          .bytes_logged = 4096,
                                          .bytes_dropped = 17};

static size_t unhex(const char *text, uint8_t bytes[BYTES_MAX])
{
  size_t size = 0;
  for (; isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]) && size < BYTES_MAX; text += 2) {
    char digits[3] = {text[0], text[1], 0};
    bytes[size++] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return size;
}

static bool check_hello(const char *role, const struct frame *frame)
{
  static const char *const names[] = {[ROLE_CONTROL] = "control", [ROLE_EXEC] = "exec", [ROLE_ATTACH] = "attach", [ROLE_EVENTS] = "events"};
  struct hello hello;
  return frame->type == FRAME_HELLO && parse_hello(frame, &hello) && hello.version == 1 && hello.role >= ROLE_CONTROL &&
         hello.role <= ROLE_EVENTS && strcmp(names[hello.role], role) == 0;
}

static bool check_payload(const char *name, const struct frame *frame)
{
  uint8_t flags;
  struct exec_request request;
  uint32_t number;
  uint16_t width;
  uint16_t height;
  if (strncmp(name, "hello-", 6) == 0)
    return check_hello(name + 6, frame);
  if (strcmp(name, "start") == 0)
    return frame->type == FRAME_START && frame->tag == 2 && frame->size == 0;
  if (strcmp(name, "signal-15") == 0)
    return frame->type == FRAME_SIGNAL && parse_u32(frame, &number) && number == 15;
  if (strcmp(name, "resize-101x33") == 0)
    return frame->type == FRAME_RESIZE && parse_resize(frame, &width, &height) && width == 101 && height == 33;
  if (strcmp(name, "reopen") == 0)
    return frame->type == FRAME_REOPEN && frame->tag == 5 && frame->size == 0;
  if (strcmp(name, "release") == 0)
    return frame->type == FRAME_RELEASE && frame->tag == 0xfffffffeu && frame->size == 0;
  if (strcmp(name, "exec-cat") == 0)
    return frame->type == FRAME_EXEC && parse_exec(frame, &request) && request.flags == EXEC_STDIN && request.timeout_ms == 1500 &&
           request.output_cap == 16777216 && request.process_size == 16 && memcmp(request.process, "{\"args\":[\"cat\"]}", 16) == 0;
  if (strcmp(name, "stdin-abc") == 0)
    return frame->type == FRAME_STDIN && frame->size == 3 && memcmp(frame->data, "abc", 3) == 0;
  if (strcmp(name, "stdin-eof") == 0)
    return frame->type == FRAME_STDIN_EOF && frame->size == 0;
  if (strcmp(name, "attach-all") == 0)
    return frame->type == FRAME_ATTACH && parse_attach(frame, &flags) && flags == (ATTACH_STDIN | ATTACH_STDOUT | ATTACH_STDERR);
  if (strcmp(name, "attach-output") == 0)
    return frame->type == FRAME_ATTACH && parse_attach(frame, &flags) && flags == (ATTACH_STDOUT | ATTACH_STDERR);
  if (strcmp(name, "subscribe-all") == 0)
    return frame->type == FRAME_SUBSCRIBE && parse_subscribe(frame, &number) && number == (EVENTS_STATE | EVENTS_OOM | EVENTS_LOG);
  if (strcmp(name, "subscribe-oom") == 0)
    return frame->type == FRAME_SUBSCRIBE && parse_subscribe(frame, &number) && number == EVENTS_OOM;
  return false;
}

static enum role role_for(const char *name)
{
  static const char *const exec_names[] = {"exec-cat", "stdin-abc", "stdin-eof"};
  for (size_t i = 0; i < sizeof(exec_names) / sizeof(exec_names[0]); i++)
    if (strcmp(name, exec_names[i]) == 0)
      return ROLE_EXEC;
  if (strncmp(name, "attach-", 7) == 0)
    return ROLE_ATTACH;
  if (strncmp(name, "subscribe-", 10) == 0)
    return ROLE_EVENTS;
  return strncmp(name, "hello", 5) == 0 ? ROLE_NONE : ROLE_CONTROL;
}

/* Whole, and not before its last byte is there: every shorter piece asks for more. */
static bool check_client(const char *name, const uint8_t *bytes, size_t size)
{
  struct frame frame;
  size_t used;
  const char *why;
  for (size_t part = 0; part < size; part++) {
    /* A copy of exactly this size: the sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(part ? part : 1);
    if (!copy)
      return false;
    memcpy(copy, bytes, part);
    int got = frame_parse(role_for(name), copy, part, &frame, &used, &why);
    free(copy);
    if (got != 0)
      return false;
  }
  return frame_parse(role_for(name), bytes, size, &frame, &used, &why) == 1 && used == size && check_payload(name, &frame);
}

static int encode_log(const char *what, struct wire_writer *w, uint32_t *tag)
{
  static const char *const names[] = {[LC_LOSES] = "loses", [LC_WRITES] = "writes", [LC_OPENED_ANEW] = "anew", [LC_ROTATED] = "rotated"};
  *tag = 0;
  for (unsigned int i = LC_LOSES; i <= LC_ROTATED; i++)
    if (strcmp(names[i], what) == 0) {
      put_log(w, &(struct log_notice){.what = (enum log_change)i, .inode = 1234567890123, .size = 13, .dropped = (i - 1) * 1000});
      return FRAME_LOG;
    }
  return -1;
}

static int encode(const char *name, struct wire_writer *w, uint32_t *tag)
{
  struct state_view view = {.pid = 4712, .start_time = 987654321, .started_at = 1700000000123456789u};
  *tag = 2;
  if (strcmp(name, "welcome-creating") == 0) {
    view.kind = SK_CREATING;
    *tag = 1;
    put_welcome(w, ROLE_CONTROL, WELCOME_TTY, 4711, "c0ffee", &view);
    return FRAME_WELCOME;
  }
  if (strcmp(name, "error-runtime") == 0) {
    put_error(w, PE_RUNTIME, "no such file: \xc3\xa9t\xc3\xa9");
    return FRAME_ERROR;
  }
  if (strcmp(name, "error-slow") == 0) {
    put_error(w, PE_SLOW, "this client does not read fast enough");
    return FRAME_ERROR;
  }
  if (strcmp(name, "oom-3") == 0) {
    *tag = 0;
    put_oom(w, 3, 1700000000123456789u);
    return FRAME_OOM;
  }
  if (strncmp(name, "log-", 4) == 0)
    return encode_log(name + 4, w, tag);
  if (strcmp(name, "ok") == 0)
    return FRAME_OK;
  if (strcmp(name, "signaled-yes") == 0) {
    *tag = 3;
    wire_put_u8(w, 1);
    return FRAME_SIGNALED;
  }
  if (strcmp(name, "reopened") == 0) {
    *tag = 5;
    wire_put_u64(w, 1234567890123);
    wire_put_u64(w, 13);
    return FRAME_REOPENED;
  }
  if (strncmp(name, "state-", 6) == 0) {
    const char *state = name + 6;
    *tag = 0;
    view.kind = strcmp(state, "created") == 0 || strcmp(state, "awaiting") == 0 ? SK_CREATED : strcmp(state, "running") == 0 ? SK_RUNNING : SK_EXITED;
    view.record = exited;
    if (strcmp(state, "inferred") == 0) {
      view.record.status = (struct exit_status){.kind = ST_SIGNALED, .value = 9};
      view.record.oom = OOM_INFERRED;
    }
    if (strcmp(state, "unknown") == 0)
      view.record = (struct exit_record){.status = status_unknown("init was no child of its monitor"),
                                         .finished_at = 1700000001000000002u};
    if (strcmp(state, "awaiting") == 0)
      view.pid = 0, view.start_time = 0;
    if (strcmp(state, "not-started") == 0)
      view.record = (struct exit_record){
          .status = {.kind = ST_NOT_STARTED, .reason = "it could not be restored from its checkpoint"},
          .finished_at = 1700000001000000002u};
    if (strcmp(state, "failed") == 0) {
      view.kind = SK_FAILED;
      view.message = "exec: \"x\": not found";
    }
    put_state(w, &view);
    return FRAME_STATE;
  }
  if (strcmp(name, "started") == 0) {
    wire_put_u32(w, 4713);
    return FRAME_STARTED;
  }
  if (strcmp(name, "stdout-hi") == 0 || strcmp(name, "stderr-hi") == 0) {
    wire_put_raw(w, "hi\n", 3);
    return name[3] == 'o' ? FRAME_STDOUT : FRAME_STDERR;
  }
  if (strncmp(name, "exit-", 5) == 0) {
    bool killed = strcmp(name, "exit-killed") == 0;
    struct exit_status status = {.kind = killed ? ST_SIGNALED : ST_EXITED, .value = killed ? 9 : 7};
    put_status(w, &status);
    wire_put_u8(w, killed ? EXIT_TIMED_OUT | EXIT_TRUNCATED : 0);
    return FRAME_EXIT;
  }
  return -1;
}

static bool check_monitor(const char *name, const uint8_t *bytes, size_t size)
{
  _cleanup_wire_ struct wire_writer w = wire_writer(BYTES_MAX);
  uint32_t tag;
  uint8_t header[FRAME_HEADER];
  int type = encode(name, &w, &tag);
  if (type < 0 || w.failed)
    return false;
  frame_header(header, (uint8_t)type, tag, w.size);
  return size == FRAME_HEADER + w.size && memcmp(bytes, header, FRAME_HEADER) == 0 &&
         (w.size == 0 || memcmp(bytes + FRAME_HEADER, w.data, w.size) == 0);
}

static bool check_record(const uint8_t *bytes, size_t size)
{
  uint8_t file[RECORD_FILE_SIZE];
  if (record_encode(file, &exited) < 0 || memcmp(file, bytes, size) != 0)
    return false;
  for (size_t i = size; i < sizeof(file); i++)
    if (file[i] != 0)
      return false;
  return true;
}

static bool check_bad(enum role role, const uint8_t *bytes, size_t size)
{
  struct frame frame;
  size_t used;
  const char *why = NULL;
  return frame_parse(role, bytes, size, &frame, &used, &why) == -1 && why;
}

static bool check_line(const char *kind, const char *name, const uint8_t *bytes, size_t size)
{
  if (strcmp(kind, "client") == 0)
    return check_client(name, bytes, size);
  if (strcmp(kind, "monitor") == 0)
    return check_monitor(name, bytes, size);
  if (strcmp(kind, "record") == 0)
    return check_record(bytes, size);
  static const char *const bad[] = {"bad-none", "bad-control", "bad-exec", "bad-attach", "bad-events"};
  for (unsigned int role = ROLE_NONE; role <= ROLE_EVENTS; role++)
    if (strcmp(kind, bad[role]) == 0)
      return check_bad((enum role)role, bytes, size);
  return false;
}

int main(int argc, char **argv)
{
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (!file) {
    printf("not ok monitor-codec: cannot read the vectors\n");
    return 1;
  }
  static char line[2 * BYTES_MAX + 128];
  static uint8_t bytes[BYTES_MAX];
  int failed = 0;
  while (fgets(line, sizeof(line), file)) {
    char kind[32];
    char name[64];
    int at = 0;
    if (line[0] == '#' || sscanf(line, "%31s %63s %n", kind, name, &at) != 2)
      continue;
    size_t size = unhex(line + at, bytes);
    bool ok = check_line(kind, name, bytes, size);
    failed += !ok;
    printf("%s monitor-codec: %s %s\n", ok ? "ok" : "not ok", kind, name);
  }
  fclose(file);
  return failed ? 1 : 0;
}
