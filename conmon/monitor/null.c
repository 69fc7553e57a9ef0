#include "monitor/null.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"

/* The device number of /dev/null (Linux, admin-guide/devices.txt). */
#define NULL_MAJOR 1
#define NULL_MINOR 3

/* Whoever has it may open it again through /proc, whatever its user. */
static int make_device(const char *folder)
{
  char path[PATH_MAX];
  int size = snprintf(path, sizeof(path), "%s/null", folder);
  if (size < 0 || (size_t)size >= sizeof(path))
    return -1;
  unlink(path);
  if (mknod(path, S_IFCHR, makedev(NULL_MAJOR, NULL_MINOR)) < 0)
    return -1;
  /* mknod's mode is subject to the umask. */
  int fd = chmod(path, 0666) < 0 ? -1 : open_once(path, O_RDWR | O_NOFOLLOW, 0);
  unlink(path);
  return fd;
}

int null_open(const char *folder, struct err *err)
{
  int fd = make_device(folder);
  if (fd >= 0)
    return fd;
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0)
    return err_set(err, errno, "pipe");
  /* It holds nothing, and pipes count together. Refused, it is larger. */
  fcntl(fds[0], F_SETPIPE_SZ, 1);
  close_fd(&fds[1]);
  return fds[0];
}
