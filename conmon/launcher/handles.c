/*
 * Descriptors for berthd. Node takes them in messages of its own channel alone: a line of JSON that names what the
 * descriptor beside it (SCM_RIGHTS) is to become. It answers each with a line that nobody needs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher/launcher.h"

enum { HEX = 2 * TOKEN_SIZE };

int handle_send(int channel, const uint8_t token[TOKEN_SIZE], int fd)
{
  char hex[HEX + 1];
  for (int i = 0; i < TOKEN_SIZE; i++)
    snprintf(hex + 2 * i, 3, "%02x", token[i]);
  char line[128];
  int size = snprintf(line, sizeof(line), "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":\"%s\"}\n", hex);
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(fd))];
  } control = {0};
  struct iovec text = {.iov_base = line, .iov_len = (size_t)size};
  struct msghdr message = {
      .msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(fd));
  memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  ssize_t sent;
  /* A message this small goes whole or not at all, whoever else sends. */
  do
    sent = sendmsg(channel, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

bool handles_drain(int channel)
{
  char dropped[4096];
  ssize_t got;
  do
    got = recv(channel, dropped, sizeof(dropped), MSG_DONTWAIT);
  while (got > 0 || (got < 0 && errno == EINTR));
  return got < 0 && errno == EAGAIN;
}
