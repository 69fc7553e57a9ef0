#include "unpack/source.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/io.h"
#include "unpack/behind.h"

void source_init(struct source *source, int in, int out, uint64_t max)
{
  source->in = in;
  source->out = out;
  source->size = 0;
  source->begun = 0;
  source->max = max;
  sha256_init(&source->hash);
}

ssize_t source_read(struct source *source, void *buffer, size_t size, struct err *err)
{
  ssize_t got = read_once(source->in, buffer, size);
  if (got < 0)
    return err_set(err, errno, "read the layer's bytes");
  source->size += (uint64_t)got;
  if (source->size > source->max)
    return err_set(err, EMSGSIZE, "the layer has more than %" PRIu64 " compressed bytes", source->max);
  sha256_update(&source->hash, buffer, (size_t)got);
  int result = source->out < 0 ? 0 : write_full(source->out, buffer, (size_t)got);
  if (result < 0)
    return err_set(err, -result, "write the blob");
  if (source->out >= 0 && source->size - source->begun >= BEHIND_CHUNK) {
    behind_write(source->out, (int64_t)source->begun, (int64_t)(source->size - source->begun));
    source->begun = source->size;
  }
  return got;
}
