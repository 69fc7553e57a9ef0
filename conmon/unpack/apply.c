#include "unpack/apply.h"

#include <errno.h>
#include <string.h>

#include "unpack/meta.h"
#include "unpack/stream.h"

/* What libarchive's read callback works with: errors of ours go past libarchive, which would reword them. */
struct feed {
  struct stream *stream;
  struct err err;
};

static la_ssize_t on_read(struct archive *archive, void *data, const void **buffer)
{
  struct feed *feed = data;
  ssize_t got = stream_next(feed->stream, buffer, &feed->err);
  if (got < 0)
    archive_set_error(archive, EIO, "%s", feed->err.msg);
  return got < 0 ? -1 : got;
}

static void free_archive(struct archive **archive)
{
  if (*archive)
    archive_read_free(*archive);
}

/* tar only: no other format of libarchive is within reach of a layer. */
static int open_archive(struct archive *archive, struct feed *feed, struct err *err)
{
  if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
      archive_read_support_format_empty(archive) != ARCHIVE_OK)
    return err_set(err, ENOMEM, "start libarchive: %.200s", archive_error_string(archive));
  if (archive_read_open(archive, feed, NULL, on_read, NULL) != ARCHIVE_OK)
    return err_set(err, EBADMSG, "the layer is no tar archive: %.200s", archive_error_string(archive));
  return 0;
}

static int apply_entries(struct layer *layer, struct archive *archive, enum pass pass, struct err *err)
{
  struct archive_entry *entry;
  int step = STEP_DONE;
  while (step == STEP_DONE) {
    int status = archive_read_next_header(archive, &entry);
    if (status == ARCHIVE_EOF)
      return STEP_DONE;
    if (status < ARCHIVE_WARN && status != ARCHIVE_RETRY)
      return err_set(err, EBADMSG, "the tar archive is damaged: %.200s", archive_error_string(archive));
    if (status != ARCHIVE_RETRY)
      step = entry_apply(layer, archive, entry, pass, err);
  }
  return step;
}

static int apply_stream(struct layer *layer, struct stream *stream, enum pass pass, struct err *err)
{
  __attribute__((cleanup(free_archive))) struct archive *archive = archive_read_new();
  struct feed feed = {.stream = stream};
  if (!archive)
    return err_set(err, ENOMEM, "start libarchive");
  int result = open_archive(archive, &feed, err);
  if (result == 0)
    result = apply_entries(layer, archive, pass, err);
  // A limit or a damaged stream shows up inside libarchive; the cause is ours.
  if (result < 0 && feed.err.code != 0) {
    *err = feed.err;
    return -feed.err.code;
  }
  if (result < 0)
    return result;
  // A libarchive format ends before its padding, and a layer that needs its parents is not read to the end.
  int drained = stream_drain(stream, err);
  if (drained < 0)
    return drained;
  return result == STEP_DONE ? meta_finish(layer, err) : 0;
}

/* Whether the bytes themselves are at fault: what the machine lacks, or a limit, does not get better by reading on. */
static bool is_damaged(int result)
{
  return result < 0 && result != -EOVERFLOW && result != -EMSGSIZE && result != -ENOSPC && result != -EDQUOT && result != -ENOMEM &&
         result != -EIO;
}

int apply_layer(struct layer *layer, struct source *source, enum pass pass, struct layer_digests *digests,
                struct err *err)
{
  _cleanup_stream_ struct stream stream;
  int result = stream_open(&stream, source, layer->limits.expanded, err);
  if (result == 0)
    result = apply_stream(layer, &stream, pass, err);
  digests->blob_whole = result == 0 || (is_damaged(result) && stream_drain_source(&stream, NULL) == 0);
  digests->blob_size = source->size;
  digests->tar_size = stream.size;
  sha256_hex(&source->hash, digests->blob);
  sha256_hex(&stream.hash, digests->diff);
  return result;
}
