/* The tar inside a layer: its compression is told by magic bytes (never by media type), it is counted and hashed. */
#ifndef CONMON_UNPACK_STREAM_H
#define CONMON_UNPACK_STREAM_H

#include <stdbool.h>
#include <zlib.h>
#include <zstd.h>

#include "unpack/limits.h"
#include "unpack/source.h"

#define STREAM_CHUNK (256 * 1024)

struct stream {
  struct source *source;
  enum { STREAM_PLAIN, STREAM_GZIP, STREAM_ZSTD } kind;
  struct limits *limits;
  uint64_t size;
  /* The limit on expanded bytes lies before the end of what there was: no more is given. */
  bool cut;
  struct sha256 hash;
  /* Compressed bytes that are read and not yet used. */
  uint8_t *input;
  size_t input_at, input_size;
  bool input_ended;
  uint8_t *output;
  z_stream zlib;
  ZSTD_DStream *zstd;
  /* Whether a gzip member or zstd frame is open: an end in it is a truncation. */
  bool in_member;
  /* Zero bytes after a gzip member: only zeros may follow. */
  bool in_padding;
};

/* Reads the first bytes and sees what they are. */
int stream_open(struct stream *stream, struct source *source, struct limits *limits, struct err *err);
void stream_close(struct stream *stream);

/* The next piece of the tar, valid until the next call; 0 is the end. -EBADMSG if the compression is damaged. */
ssize_t stream_next(struct stream *stream, const void **data, struct err *err);

/* Reads the rest so that both digests are of the whole. */
int stream_drain(struct stream *stream, struct err *err);

/* Reads the rest of the compressed bytes only: for a layer that cannot be inflated but whose digest is wanted. */
int stream_drain_source(struct stream *stream, struct err *err);

#define _cleanup_stream_ __attribute__((cleanup(stream_close)))

#endif
