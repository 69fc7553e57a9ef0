#include "monitor/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/crc32.h"
#include "lib/io.h"
#include "lib/scope.h"

#define RECORD_HEADER 12

/* Without memory of its own: an exit is told when there is none left. */
int record_encode(uint8_t file[RECORD_FILE_SIZE], const struct exit_record *record)
{
  memset(file, 0, RECORD_FILE_SIZE);
  struct wire_writer body = wire_writer_into(file + RECORD_HEADER, RECORD_FILE_SIZE - RECORD_HEADER);
  put_record(&body, record);
  struct wire_writer header = wire_writer_into(file, RECORD_HEADER);
  wire_put_u32(&header, RECORD_MAGIC);
  wire_put_u16(&header, RECORD_VERSION);
  wire_put_u16(&header, (uint16_t)body.size);
  wire_put_u32(&header, crc32_of(body.data, body.size));
  return body.failed || header.failed ? -1 : 0;
}

bool record_decode(const uint8_t *file, size_t size, struct exit_record *record)
{
  struct wire_reader r = wire_reader(file, size);
  uint32_t magic = wire_get_u32(&r);
  uint16_t version = wire_get_u16(&r);
  uint16_t length = wire_get_u16(&r);
  uint32_t crc = wire_get_u32(&r);
  if (r.failed || magic != RECORD_MAGIC || version != RECORD_VERSION || length > wire_left(&r))
    return false;
  if (crc32_of(file + RECORD_HEADER, length) != crc)
    return false;
  struct wire_reader body = wire_reader(file + RECORD_HEADER, length);
  return get_record(&body, record) && wire_done(&body);
}

int record_allocate(const char *path, struct err *err)
{
  _cleanup_fd_ int fd = open_once(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return err_set(err, errno, "create the exit record %s", path);
  int failed;
  do
    failed = posix_fallocate(fd, 0, RECORD_FILE_SIZE);
  while (failed == EINTR);
  if (failed != 0) {
    unlink(path);
    return err_set(err, failed, "allocate the exit record %s", path);
  }
  return steal_fd(&fd);
}

/* The name must survive a power loss too, not only the bytes. */
static int sync_folder(const char *path, struct err *err)
{
  _cleanup_free_ char *folder = strdup(path);
  if (!folder)
    return err_set(err, ENOMEM, "sync the folder of %s", path);
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder ? 1 : 0] = '\0';
  _cleanup_fd_ int fd = open_once(folder, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0 || TEMP_FAILURE_RETRY(fsync(fd)) < 0)
    return err_set(err, errno, "sync the folder %s", folder);
  return 0;
}

int record_write(int fd, const char *path, const struct exit_record *record, struct err *err)
{
  uint8_t file[RECORD_FILE_SIZE];
  if (record_encode(file, record) < 0)
    return err_set(err, EOVERFLOW, "encode the exit record %s", path);
  for (size_t done = 0; done < sizeof(file);) {
    ssize_t put = TEMP_FAILURE_RETRY(pwrite(fd, file + done, sizeof(file) - done, (off_t)done));
    if (put <= 0)
      return err_set(err, put < 0 ? errno : ENOSPC, "write the exit record %s", path);
    done += (size_t)put;
  }
  if (TEMP_FAILURE_RETRY(fsync(fd)) < 0)
    return err_set(err, errno, "sync the exit record %s", path);
  return sync_folder(path, err);
}
