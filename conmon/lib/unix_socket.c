#include "lib/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scope.h"

int unix_address(const char *path, struct sockaddr_un *address, struct err *err)
{
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address->sun_path))
    return err_set(err, ENAMETOOLONG, "socket %s", path);
  strcpy(address->sun_path, path);
  return 0;
}

int unix_listen(const char *path, struct err *err)
{
  struct sockaddr_un address;
  if (unix_address(path, &address, err) < 0)
    return -ENAMETOOLONG;
  _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return err_set(err, errno, "socket");
  if (unlink(path) < 0 && errno != ENOENT)
    return err_set(err, errno, "remove the old socket %s", path);
  mode_t saved = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
  umask(saved);
  /* Hundreds of execs may come at once: who finds the queue full is refused. */
  if (bound < 0 || listen(fd, SOMAXCONN) < 0)
    return err_set(err, errno, "listen on %s", path);
  return steal_fd(&fd);
}
