/* The compressed bytes of a layer as they arrive: counted, hashed and kept. */
#ifndef CONMON_UNPACK_SOURCE_H
#define CONMON_UNPACK_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "lib/sha256.h"

struct source {
  int in;
  /* Where the bytes are kept, or -1. */
  int out;
  uint64_t size;
  /* Bytes whose writing has begun. */
  uint64_t begun;
  /* More bytes than this are refused. */
  uint64_t max;
  struct sha256 hash;
};

void source_init(struct source *source, int in, int out, uint64_t max);

/* Reads at most `size` bytes; 0 is the end. -EMSGSIZE beyond the maximum. */
ssize_t source_read(struct source *source, void *buffer, size_t size, struct err *err);

#endif
