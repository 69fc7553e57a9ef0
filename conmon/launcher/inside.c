#include "launcher/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RETRIES = 32 };

int open_root(const char *root, struct err *err)
{
  int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? err_set(err, errno, "open the root %s", root) : fd;
}

int open_inside(int root, const char *path, uint64_t flags)
{
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  /* EAGAIN: a rename elsewhere raced with a "..", so the kernel could not tell; it can the next time. */
  for (int i = 0;; i++) {
    long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (fd >= 0)
      return (int)fd;
    if (errno != EAGAIN || i == RETRIES)
      return -errno;
  }
}
