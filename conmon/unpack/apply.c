#include "unpack/apply.h"

#include <errno.h>
#include <string.h>

#include "unpack/meta.h"
#include "unpack/stream.h"

/* What libarchive's read callback works with: errors of ours go past libarchive, which would reword them. */
struct feed {
  struct stream *stream;
  struct err err;
  /* Bytes given to libarchive. */
  uint64_t given;
  /* Where the headers of the next entry begin while they are read, else UINT64_MAX. */
  uint64_t header_at;
  /* Whether an entry's data may still be unread. */
  bool in_entry;
};

static la_ssize_t on_read(struct archive *archive, void *data, const void **buffer)
{
  struct feed *feed = data;
  struct limits *limits = feed->stream->limits;
  ssize_t got;
  // All that was given before belongs to these headers: libarchive asks only when it has used what it has.
  if (feed->header_at != UINT64_MAX && feed->given > feed->header_at && feed->given - feed->header_at > limits->header)
    got = limits_exceed(limits, "header-bytes", limits->header, "the headers of an entry are too large", &feed->err);
  else
    got = stream_next(feed->stream, buffer, &feed->err);
  if (got < 0)
    archive_set_error(archive, EIO, "%s", feed->err.msg);
  else
    feed->given += (uint64_t)got;
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

/* The next entry, its headers not larger than they may be. What is left of the last one's data is skipped before. */
static int next_entry(struct archive *archive, struct feed *feed, struct archive_entry **entry)
{
  int status = feed->in_entry ? archive_read_data_skip(archive) : ARCHIVE_OK;
  if (status < ARCHIVE_WARN)
    return status;
  feed->header_at = (uint64_t)archive_filter_bytes(archive, 0);
  status = archive_read_next_header(archive, entry);
  uint64_t size = (uint64_t)archive_filter_bytes(archive, 0) - feed->header_at;
  feed->header_at = UINT64_MAX;
  feed->in_entry = status == ARCHIVE_OK || status == ARCHIVE_WARN;
  struct limits *limits = feed->stream->limits;
  if (status < ARCHIVE_WARN || size <= limits->header)
    return status;
  limits_exceed(limits, "header-bytes", limits->header, "the headers of an entry are too large", &feed->err);
  return ARCHIVE_FATAL;
}

static int apply_entries(struct layer *layer, struct archive *archive, struct feed *feed, enum pass pass,
                         struct err *err)
{
  struct archive_entry *entry;
  int step = STEP_DONE;
  while (step == STEP_DONE) {
    int status = next_entry(archive, feed, &entry);
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
  struct feed feed = {.stream = stream, .header_at = UINT64_MAX};
  if (!archive)
    return err_set(err, ENOMEM, "start libarchive");
  int result = open_archive(archive, &feed, err);
  if (result == 0)
    result = apply_entries(layer, archive, &feed, pass, err);
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
  int result = stream_open(&stream, source, layer->limits, err);
  if (result == 0)
    result = apply_stream(layer, &stream, pass, err);
  digests->blob_whole = result == 0 || (is_damaged(result) && stream_drain_source(&stream, NULL) == 0);
  digests->blob_size = source->size;
  digests->tar_size = stream.size;
  sha256_hex(&source->hash, digests->blob);
  sha256_hex(&stream.hash, digests->diff);
  return result;
}
