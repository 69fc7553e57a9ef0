/* The log formatter: whatever comes in whatever pieces, its records give back exactly what was fed. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "monitor/logfmt.h"

const char fuzz_name[] = "log";
const size_t fuzz_max = 64 * 1024;

/* What the records say, put together again. */
struct reader {
  const uint8_t *expected[2];
  size_t left[2];
  /* Bytes of the line that P records have begun. */
  size_t begun[2];
};

static void read_record(struct reader *reader, const uint8_t *record, size_t size)
{
  FUZZ_CHECK(size > LOG_PREFIX && memcmp(record, "2023-11-14T22:13:2", 18) == 0 && record[29] == 'Z');
  int which = record[34] == 'e';
  FUZZ_CHECK(memcmp(record + 29, which ? "Z stderr " : "Z stdout ", 9) == 0 && record[39] == ' ');
  uint8_t tag = record[38];
  const uint8_t *text = record + LOG_PREFIX;
  size_t length = size - LOG_PREFIX - 1;
  FUZZ_CHECK(tag == 'P' || tag == 'F');
  FUZZ_CHECK(length <= LOG_LINE_MAX && reader->left[which] >= length);
  FUZZ_CHECK(memcmp(reader->expected[which], text, length) == 0);
  reader->expected[which] += length;
  reader->left[which] -= length;
  /* F ends a line with the newline that is taken here; P is a full piece, or the end of the stream. */
  if (tag == 'F') {
    FUZZ_CHECK(reader->left[which] > 0 && *reader->expected[which] == '\n');
    reader->expected[which]++;
    reader->left[which]--;
  } else {
    FUZZ_CHECK(length > 0);
    FUZZ_CHECK(reader->left[which] == 0 || (length == LOG_LINE_MAX && *reader->expected[which] != '\n'));
  }
}

static void read_batch(void *owner, const uint8_t *data, size_t size)
{
  FUZZ_CHECK(size > 0 && size <= LOG_BATCH_MAX && data[size - 1] == '\n');
  while (size > 0) {
    const uint8_t *newline = memchr(data, '\n', size);
    size_t record = (size_t)(newline - data) + 1;
    read_record(owner, data, record);
    data += record;
    size -= record;
  }
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct log_batch *batch = calloc(1, sizeof(*batch));
  struct log_carry *carries = calloc(2, sizeof(*carries));
  uint8_t *streams = malloc(2 * (size + 1));
  FUZZ_CHECK(batch && carries && streams);
  struct fuzz_input in = {data, size};
  struct fuzz_input whole = in;
  size_t sizes[2] = {0, 0};
  const uint8_t *piece;
  /* First pass: what each stream has in all. A piece is two bytes (stream and flush, length), then its text. */
  while (in.size > 0) {
    uint8_t how = fuzz_byte(&in);
    size_t length = fuzz_bytes(&in, &piece, (size_t)fuzz_byte(&in) << (how >> 4 & 7));
    memcpy(streams + (how & 1) * (size + 1) + sizes[how & 1], piece, length);
    sizes[how & 1] += length;
  }
  struct reader reader = {.expected = {streams, streams + size + 1}, .left = {sizes[0], sizes[1]}};
  batch->flush = read_batch;
  batch->owner = &reader;
  struct timespec when = {.tv_sec = 1700000000, .tv_nsec = 123456789};
  while (whole.size > 0) {
    uint8_t how = fuzz_byte(&whole);
    size_t length = fuzz_bytes(&whole, &piece, (size_t)fuzz_byte(&whole) << (how >> 4 & 7));
    log_feed(batch, &carries[how & 1], how & 1 ? LOG_STDERR : LOG_STDOUT, when, piece, length);
    if (how & 2)
      log_flush(batch);
  }
  log_finish(batch, &carries[0], LOG_STDOUT, when);
  log_finish(batch, &carries[1], LOG_STDERR, when);
  log_flush(batch);
  FUZZ_CHECK(reader.left[0] == 0 && reader.left[1] == 0);
  free(batch);
  free(carries);
  free(streams);
}
