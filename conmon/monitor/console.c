#include "monitor/console.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "lib/io.h"
#include "lib/scope.h"

int console_take(int listener, struct err *err)
{
  _cleanup_fd_ int peer = (int)TEMP_FAILURE_RETRY(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (peer < 0)
    return err_set(err, errno, "the runtime sent no console");
  char byte[4096];
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec data = {.iov_base = byte, .iov_len = sizeof(byte)};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
  ssize_t got = TEMP_FAILURE_RETRY(recvmsg(peer, &message, MSG_CMSG_CLOEXEC));
  if (got < 0)
    return err_set(err, errno, "receive the console");
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
    return err_set(err, EPROTO, "receive the console: no descriptor came");
  int master;
  memcpy(&master, CMSG_DATA(header), sizeof(master));
  set_nonblock(master, true);
  return master;
}

int console_resize(int master, uint16_t width, uint16_t height)
{
  if (width == 0 || height == 0)
    return 0;
  struct winsize size = {.ws_col = width, .ws_row = height};
  return ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

bool console_eof(int master, uint8_t *character)
{
  struct termios settings;
  if (tcgetattr(master, &settings) < 0 || !(settings.c_lflag & ICANON))
    return false;
  *character = settings.c_cc[VEOF];
  return *character != _POSIX_VDISABLE;
}
