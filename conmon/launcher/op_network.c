#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "launcher/network.h"
#include "lib/io.h"
#include "lib/scope.h"

static int enter_netns(const char *path, struct err *err)
{
  if (path[0] == '\0')
    return 0;
  _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return err_set(err, errno, "open the network namespace %s", path);
  if (setns(fd, CLONE_NEWNET) < 0)
    return err_set(err, errno, "enter the network namespace %s", path);
  return 0;
}

int parse_interface_line(const char *line, struct interface_counters *c)
{
  const char *colon = strrchr(line, ':');
  if (!colon)
    return -EINVAL;
  line += strspn(line, " ");
  size_t length = (size_t)(colon - line);
  if (length == 0 || length >= sizeof(c->name))
    return -EINVAL;
  memcpy(c->name, line, length);
  c->name[length] = '\0';
  /* Eight figures received (bytes, packets, errors, drops, ...), then eight sent. */
#define FOUR "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
  int got = sscanf(colon + 1, FOUR " %*u %*u %*u %*u " FOUR, &c->rx.bytes, &c->rx.packets, &c->rx.errors, &c->rx.drops,
                   &c->tx.bytes, &c->tx.packets, &c->tx.errors, &c->tx.drops);
#undef FOUR
  return got == 8 ? 0 : -EINVAL;
}

static void put_traffic(struct wire_writer *out, const struct traffic *traffic)
{
  wire_put_u64(out, traffic->bytes);
  wire_put_u64(out, traffic->packets);
  wire_put_u64(out, traffic->errors);
  wire_put_u64(out, traffic->drops);
}

/* The counters of the namespace that this process is in; negative with errno. */
static int put_counters(struct wire_writer *out)
{
  _cleanup_file_ FILE *file = fopen("/proc/self/net/dev", "re");
  if (!file)
    return -errno;
  size_t at = out->size;
  uint32_t count = 0;
  wire_put_u32(out, count);
  char line[512];
  while (fgets(line, sizeof(line), file)) {
    struct interface_counters counters;
    if (parse_interface_line(line, &counters) < 0)
      continue;
    wire_put_str(out, counters.name);
    put_traffic(out, &counters.rx);
    put_traffic(out, &counters.tx);
    count++;
  }
  wire_patch_u32(out, at, count);
  return 0;
}

int call_interface_counters(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  uint32_t namespaces = wire_get_u32(in);
  for (uint32_t i = 0; i < namespaces && !in->failed; i++) {
    const char *netns = wire_get_str(in);
    /* A pod may go while the others are read: of that one there is nothing to tell. */
    struct err why = {0};
    bool entered = netns[0] && enter_netns(netns, &why) == 0;
    wire_put_u8(out, entered);
    int failed = entered ? put_counters(out) : 0;
    if (failed < 0)
      return err_set(err, -failed, "read the interfaces of %s", netns);
  }
  if (!wire_done(in))
    return err_set(err, EPROTO, "INTERFACE_COUNTERS is malformed");
  return 0;
}

static int connect_local(int family, uint16_t port)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  _cleanup_fd_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -errno;
  int status = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                                 : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
  return status < 0 ? -errno : steal_fd(&fd);
}

int call_dial(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)out;
  size_t token_size;
  const uint8_t *token = wire_get_bytes(in, &token_size);
  const char *netns = wire_get_str(in);
  uint16_t port = wire_get_u16(in);
  if (!wire_done(in) || token_size != TOKEN_SIZE)
    return err_set(err, EPROTO, "DIAL is malformed");
  int failed = enter_netns(netns, err);
  if (failed < 0)
    return failed;
  _cleanup_fd_ int remote = connect_local(AF_INET, port);
  if (remote == -ECONNREFUSED)
    remote = connect_local(AF_INET6, port);
  /* A host without IPv6 says so; what the caller wants to know is that nobody listens. */
  if (remote == -EAFNOSUPPORT || remote == -EADDRNOTAVAIL)
    remote = -ECONNREFUSED;
  if (remote < 0)
    return err_set(err, -remote, "connect to port %u of localhost in %s", port, netns[0] ? netns : "the host's network");
  /* Node takes it for non-blocking and does not make it so: its event loop would wait in a write. */
  int sent = set_nonblock(remote, true);
  if (sent == 0)
    sent = handle_send(call->handles_fd, token, remote);
  return sent < 0 ? err_set(err, -sent, "hand the connection over") : 0;
}
