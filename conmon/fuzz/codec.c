/* Frames, their payloads, exit records, and the readers below them. The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "lib/crc32.h"
#include "monitor/codec.h"
#include "monitor/record.h"

const char fuzz_name[] = "codec";
const size_t fuzz_max = 8 * 1024;

static void payloads(const struct frame *frame)
{
  struct hello hello;
  struct exec_request request;
  uint32_t number;
  uint16_t width;
  uint16_t height;
  parse_hello(frame, &hello);
  parse_u32(frame, &number);
  parse_resize(frame, &width, &height);
  if (parse_exec(frame, &request))
    FUZZ_CHECK(request.process >= frame->data && request.process + request.process_size == frame->data + frame->size);
}

/* Frames after one another; what is said of them does not depend on how much of the rest is there already. */
static void frames(enum role role, const uint8_t *data, size_t size)
{
  while (size > 0) {
    struct frame frame = {0};
    size_t used = 0;
    const char *why = NULL;
    int got = frame_parse(role, data, size, &frame, &used, &why);
    FUZZ_CHECK(got >= -1 && got <= 1 && (got >= 0 || why));
    if (got <= 0) {
      FUZZ_CHECK(got < 0 || used > size);
      return;
    }
    FUZZ_CHECK(used >= FRAME_HEADER && used <= size && frame.size == used - FRAME_HEADER);
    struct frame again;
    size_t used_again;
    FUZZ_CHECK(frame_parse(role, data, used, &again, &used_again, &why) == 1 && used_again == used);
    payloads(&frame);
    data += used;
    size -= used;
  }
}

/* A record that is taken for one says the same when it is written again. */
static void record(const uint8_t *data, size_t size)
{
  struct exit_record first;
  struct exit_record second;
  uint8_t file[RECORD_FILE_SIZE];
  if (!record_decode(data, size, &first))
    return;
  FUZZ_CHECK(record_encode(file, &first) == 0 && record_decode(file, sizeof(file), &second));
  FUZZ_CHECK(first.status.kind == second.status.kind && first.status.value == second.status.value);
  FUZZ_CHECK(strcmp(first.status.reason, second.status.reason) == 0);
  FUZZ_CHECK(first.started_at == second.started_at && first.finished_at == second.finished_at);
}

/* The same with its checksum made right, or no mutation would ever come past it. */
static void signed_record(const uint8_t *body, size_t size)
{
  uint8_t file[RECORD_FILE_SIZE] = {0};
  size = size < sizeof(file) - 12 ? size : sizeof(file) - 12;
  struct wire_writer w = wire_writer_into(file, sizeof(file));
  wire_put_u32(&w, RECORD_MAGIC);
  wire_put_u16(&w, RECORD_VERSION);
  wire_put_u16(&w, (uint16_t)size);
  wire_put_u32(&w, crc32_of(body, size));
  wire_put_raw(&w, body, size);
  record(file, sizeof(file));
}

static void readers(const uint8_t *data, size_t size)
{
  struct fuzz_input in = {data, size};
  const uint8_t *order;
  size_t steps = fuzz_bytes(&in, &order, 16);
  struct wire_reader r = wire_reader(in.data, in.size);
  for (size_t i = 0; i < steps; i++) {
    size_t length = 0;
    const uint8_t *bytes;
    switch (order[i] % 6) {
    case 0: wire_get_u8(&r); break;
    case 1: wire_get_u16(&r); break;
    case 2: wire_get_u32(&r); break;
    case 3: wire_get_u64(&r); break;
    case 4:
      bytes = wire_get_bytes(&r, &length);
      FUZZ_CHECK(bytes ? length <= in.size : length == 0);
      break;
    default: FUZZ_CHECK(strlen(wire_get_str(&r)) <= in.size); break;
    }
    FUZZ_CHECK(r.pos <= r.size && wire_left(&r) <= in.size);
  }
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct fuzz_input in = {data, size};
  uint8_t which = fuzz_byte(&in);
  if (which % 8 <= ROLE_EVENTS)
    frames((enum role)(which % 8), in.data, in.size);
  else if (which % 8 == 5)
    record(in.data, in.size);
  else if (which % 8 == 6)
    signed_record(in.data, in.size);
  else
    readers(in.data, in.size);
}
