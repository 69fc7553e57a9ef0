#include "unpack/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fills the input if all of it has been used; whether there is any. */
static int fill(struct stream *s, struct err *err)
{
  if (s->input_at < s->input_size)
    return 1;
  if (s->input_ended)
    return 0;
  ssize_t got = source_read(s->source, s->input, STREAM_CHUNK, err);
  if (got < 0)
    return (int)got;
  s->input_at = 0;
  s->input_size = (size_t)got;
  s->input_ended = got == 0;
  return got > 0;
}

static bool begins(const struct stream *s, const void *magic, size_t size)
{
  return s->input_size >= size && memcmp(s->input, magic, size) == 0;
}

/* Skippable frames (0x184D2A50 to 5F) may come first: stargz puts them there. */
static bool is_zstd(const struct stream *s)
{
  return begins(s, "\x28\xb5\x2f\xfd", 4) || (s->input_size >= 4 && (s->input[0] & 0xf0) == 0x50 &&
                                              memcmp(s->input + 1, "\x2a\x4d\x18", 3) == 0);
}

static int detect(struct stream *s, struct err *err)
{
  while (s->input_size < 6 && !s->input_ended) {
    ssize_t got = source_read(s->source, s->input + s->input_size, STREAM_CHUNK - s->input_size, err);
    if (got < 0)
      return (int)got;
    s->input_size += (size_t)got;
    s->input_ended = got == 0;
  }
  if (begins(s, "\xfd" "7zXZ", 6) || begins(s, "BZh", 3))
    return err_set(err, EBADMSG, "the layer is compressed with %s; gzip, zstd and none are supported",
                   s->input[0] == 'B' ? "bzip2" : "xz");
  if (begins(s, "\x1f\x8b", 2)) {
    s->kind = STREAM_GZIP;
    s->in_member = true;
    return inflateInit2(&s->zlib, 15 + 16) == Z_OK ? 0 : err_set(err, ENOMEM, "start zlib");
  }
  if (is_zstd(s)) {
    s->kind = STREAM_ZSTD;
    s->zstd = ZSTD_createDStream();
    return s->zstd ? 0 : err_set(err, ENOMEM, "start zstd");
  }
  s->kind = STREAM_PLAIN;
  return 0;
}

int stream_open(struct stream *s, struct source *source, struct limits *limits, struct err *err)
{
  memset(s, 0, sizeof(*s));
  s->source = source;
  s->limits = limits;
  sha256_init(&s->hash);
  s->input = malloc(STREAM_CHUNK);
  s->output = malloc(STREAM_CHUNK);
  if (!s->input || !s->output)
    return err_set(err, ENOMEM, "get memory for the layer's bytes");
  return detect(s, err);
}

void stream_close(struct stream *s)
{
  if (s->kind == STREAM_GZIP)
    inflateEnd(&s->zlib);
  ZSTD_freeDStream(s->zstd);
  free(s->input);
  free(s->output);
}

static ssize_t next_plain(struct stream *s, const void **data, struct err *err)
{
  int some = fill(s, err);
  if (some <= 0)
    return some;
  *data = s->input + s->input_at;
  size_t size = s->input_size - s->input_at;
  s->input_at = s->input_size;
  return (ssize_t)size;
}

/* After a member comes another one, or zeros (tapes pad), or the end. */
static int between_members(struct stream *s, struct err *err)
{
  if (!s->in_padding && s->input[s->input_at] == 0x1f) {
    s->in_member = true;
    return inflateReset(&s->zlib) == Z_OK ? 0 : err_set(err, EIO, "reset zlib");
  }
  s->in_padding = true;
  while (s->input_at < s->input_size)
    if (s->input[s->input_at++] != 0)
      return err_set(err, EBADMSG, "bytes that are no gzip follow the gzip stream");
  return 0;
}

static ssize_t next_gzip(struct stream *s, struct err *err)
{
  s->zlib.next_out = s->output;
  s->zlib.avail_out = STREAM_CHUNK;
  while (s->zlib.avail_out == STREAM_CHUNK) {
    int some = fill(s, err);
    if (some < 0)
      return some;
    if (some == 0)
      return s->in_member ? err_set(err, EBADMSG, "the gzip stream is truncated") : 0;
    if (!s->in_member) {
      int result = between_members(s, err);
      if (result < 0)
        return result;
      continue;
    }
    s->zlib.next_in = s->input + s->input_at;
    s->zlib.avail_in = (uInt)(s->input_size - s->input_at);
    int result = inflate(&s->zlib, Z_NO_FLUSH);
    s->input_at = s->input_size - s->zlib.avail_in;
    if (result == Z_STREAM_END)
      s->in_member = false;
    else if (result == Z_MEM_ERROR)
      return err_set(err, ENOMEM, "inflate gzip");
    else if (result != Z_OK && result != Z_BUF_ERROR)
      return err_set(err, EBADMSG, "the gzip stream is damaged: %s", s->zlib.msg ? s->zlib.msg : "no reason given");
  }
  return (ssize_t)(STREAM_CHUNK - s->zlib.avail_out);
}

static ssize_t next_zstd(struct stream *s, struct err *err)
{
  ZSTD_outBuffer out = {s->output, STREAM_CHUNK, 0};
  while (out.pos == 0) {
    int some = fill(s, err);
    if (some < 0)
      return some;
    // A frame may still hold output when all input has been used.
    if (some == 0 && !s->in_member)
      return 0;
    ZSTD_inBuffer in = {s->input, s->input_size, s->input_at};
    size_t result = ZSTD_decompressStream(s->zstd, &out, &in);
    s->input_at = in.pos;
    if (ZSTD_isError(result))
      return err_set(err, EBADMSG, "the zstd stream is damaged: %s", ZSTD_getErrorName(result));
    s->in_member = result != 0;
    if (some == 0 && out.pos == 0)
      return err_set(err, EBADMSG, "the zstd stream is truncated");
  }
  return (ssize_t)out.pos;
}

ssize_t stream_next(struct stream *s, const void **data, struct err *err)
{
  *data = s->output;
  if (s->cut)
    return limits_check_expanded(s->limits, s->size + 1, s->source->size, err);
  ssize_t got = 0;
  switch (s->kind) {
  case STREAM_PLAIN:
    got = next_plain(s, data, err);
    break;
  case STREAM_GZIP:
    got = next_gzip(s, err);
    break;
  case STREAM_ZSTD:
    got = next_zstd(s, err);
    break;
  }
  if (got <= 0)
    return got;
  // The bytes up to the limit still go out: the error then can name the entry that the limit is in.
  uint64_t room = s->limits->expanded - s->size;
  s->cut = room > 0 && (uint64_t)got > room;
  if (s->cut)
    got = (ssize_t)room;
  s->size += (uint64_t)got;
  int result = limits_check_expanded(s->limits, s->size, s->source->size, err);
  if (result == 0)
    result = limits_check_time(s->limits, err);
  if (result < 0)
    return result;
  sha256_update(&s->hash, *data, (size_t)got);
  return got;
}

int stream_drain(struct stream *s, struct err *err)
{
  const void *data;
  ssize_t got;
  do
    got = stream_next(s, &data, err);
  while (got > 0);
  return (int)got;
}

int stream_drain_source(struct stream *s, struct err *err)
{
  ssize_t got;
  do
    got = source_read(s->source, s->input, STREAM_CHUNK, err);
  while (got > 0);
  return (int)got;
}
