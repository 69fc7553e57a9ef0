/* The whole of one layer: bytes in, folder out. */
#ifndef CONMON_UNPACK_APPLY_H
#define CONMON_UNPACK_APPLY_H

#include "unpack/entry.h"
#include "unpack/source.h"

/* What is known of a layer when it has been read, or when it failed. */
struct layer_digests {
  char blob[SHA256_HEX_SIZE];
  char diff[SHA256_HEX_SIZE];
  uint64_t blob_size;
  uint64_t tar_size;
  /* Whether all compressed bytes were read: only then `blob` says something. */
  bool blob_whole;
};

/*
 * Reads the source to its end and applies what it holds. A layer that is damaged is still hashed to the end, so
 * that the caller can tell altered bytes from a layer that was broken when it was made.
 */
int apply_layer(struct layer *layer, struct source *source, enum pass pass, struct layer_digests *digests,
                struct err *err);

#endif
