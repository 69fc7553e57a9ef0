#include "unpack/file.h"

#include <errno.h>
#include <unistd.h>

#include "unpack/behind.h"

static int write_at(int fd, const char *data, size_t size, int64_t offset)
{
  while (size > 0) {
    ssize_t put = pwrite(fd, data, size, offset);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return -errno;
    data += put;
    offset += put;
    size -= (size_t)put;
  }
  return 0;
}

int file_write(struct layer *layer, int fd, const char *path, struct archive *archive, struct archive_entry *entry,
               struct err *err)
{
  int64_t size = archive_entry_size(entry);
  // Holes cost no space, but a size that no layer can have is a trap for whoever copies the file.
  if (size < 0)
    return err_set(err, EBADMSG, "%.200s has a negative size", path);
  layer->file_sizes += (uint64_t)size;
  // Each size fits 63 bits: the sum cannot wrap before it is compared.
  if (layer->file_sizes > layer->limits->expanded)
    return limits_exceed(layer->limits, "expanded-bytes", layer->limits->expanded,
                         "the sizes of the layer's files, holes included, are too many bytes", err);
  uint64_t written = 0;
  int64_t end = 0;
  for (;;) {
    const void *data;
    size_t length;
    int64_t offset;
    int status = archive_read_data_block(archive, &data, &length, &offset);
    if (status == ARCHIVE_EOF)
      break;
    if (status == ARCHIVE_RETRY)
      continue;
    if (status < ARCHIVE_WARN)
      return err_set(err, EBADMSG, "the data of %.200s: %.200s", path, archive_error_string(archive));
    if (offset < 0 || offset > size || (int64_t)length > size - offset)
      return err_set(err, EBADMSG, "the data of %.200s is outside of the file", path);
    int result = write_at(fd, data, length, offset);
    if (result < 0)
      return err_set(err, -result, "write %.200s", path);
    written += length;
    end = offset + (int64_t)length;
  }
  if (end < size && ftruncate(fd, size) < 0)
    return err_set(err, errno, "set the size of %.200s", path);
  if (written >= BEHIND_CHUNK)
    behind_write(fd, 0, end);
  layer->bytes += (written + 4095) / 4096 * 4096;
  return 0;
}
