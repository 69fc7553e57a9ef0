#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/scope.h"

int open_once(const char *path, int flags, mode_t mode)
{
  return (int)TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, mode));
}

ssize_t read_once(int fd, void *buffer, size_t size)
{
  return TEMP_FAILURE_RETRY(read(fd, buffer, size));
}

ssize_t read_full(int fd, void *buffer, size_t size)
{
  size_t done = 0;
  while (done < size) {
    ssize_t got = read_once(fd, (char *)buffer + done, size - done);
    if (got < 0)
      return -errno;
    if (got == 0)
      break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

int write_full(int fd, const void *buffer, size_t size)
{
  size_t done = 0;
  while (done < size) {
    ssize_t put = write(fd, (const char *)buffer + done, size - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return -errno;
    done += (size_t)put;
  }
  return 0;
}

ssize_t read_text(const char *path, char *buffer, size_t size)
{
  _cleanup_fd_ int fd = open_once(path, O_RDONLY, 0);
  if (fd < 0)
    return -errno;
  ssize_t got = read_full(fd, buffer, size);
  if (got < 0)
    return got;
  if ((size_t)got == size)
    return -EFBIG;
  buffer[got] = '\0';
  return got;
}

int write_text(const char *path, const char *text)
{
  _cleanup_fd_ int fd = open_once(path, O_WRONLY, 0);
  if (fd < 0)
    return -errno;
  size_t size = strlen(text);
  ssize_t put = TEMP_FAILURE_RETRY(write(fd, text, size));
  if (put < 0)
    return -errno;
  return (size_t)put == size ? 0 : -EIO;
}

int set_nonblock(int fd, bool on)
{
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return -errno;
  flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}
