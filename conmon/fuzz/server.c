/*
 * A whole monitor in this process, but for what would start or kill processes, and clients that send what they like. An
 * input is a series of steps: a client comes, sends, half-closes, goes; a child ends; the loop runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "fuzz/fuzz.h"
#include "lib/scope.h"
#include "monitor/describe.h"
#include "monitor/exec.h"
#include "monitor/pidfile.h"
#include "monitor/tree.h"

/* The program's own preparation of its struct, and its rule for when it is over. */
#define main conmon_main
#define static __attribute__((unused)) static
int conmon_main(int argc, char **argv);
#include "monitor/main.c"
#undef static
#undef main

const char fuzz_name[] = "server";
const size_t fuzz_max = 8 * 1024;

#define CLIENTS 4
/* Far above any real pid. */
#define FIRST_PID 0x10000000

/* A child that is never there: it ends when the input says so. */
void children_add(struct children *children, struct child *child, pid_t pid, child_fn *ended, void *owner)
{
  *child = (struct child){.pid = pid, .ended = ended, .owner = owner, .next = children->first};
  children->first = child;
}

void children_remove(struct children *children, struct child *child)
{
  for (struct child **at = &children->first; *at; at = &(*at)->next)
    if (*at == child) {
      *at = child->next;
      break;
    }
  *child = (struct child){0};
}

void children_reap(struct children *children)
{
  (void)children;
}

static bool end_child(struct children *children, int wait_status)
{
  struct child *child = children->first;
  if (!child)
    return false;
  struct child ended = *child;
  children_remove(children, child);
  ended.ended(ended.owner, wait_status);
  return true;
}

pid_t spawn_runtime(char *const argv[], const struct spawn_stdio *stdio, struct err *err)
{
  FUZZ_CHECK(argv[0] && *argv[0] == '/' && stdio->err >= 0);
  static pid_t next = FIRST_PID;
  return next % 7 == 0 ? (next++, err_set(err, EAGAIN, "fork")) : next++;
}

int pidfile_read(const char *path, pid_t *pid, struct err *err)
{
  FUZZ_CHECK(*path == '/');
  static pid_t next = 2 * FIRST_PID;
  *pid = next++;
  return *pid % 5 == 0 ? err_set(err, EINVAL, "the pid file %s holds no pid", path) : 0;
}

int tree_kill(pid_t root)
{
  FUZZ_CHECK(root >= FIRST_PID);
  return 0;
}

static void turn(struct monitor *monitor)
{
  struct err err;
  for (struct pollfd ready = {.fd = monitor->loop.epoll, .events = POLLIN}; poll(&ready, 1, 0) > 0;)
    FUZZ_CHECK(loop_turn(&monitor->loop, &err) == 0);
  server_sweep(monitor);
  execs_sweep(monitor);
}

static int listen_somewhere(struct sockaddr_un *address, socklen_t *size)
{
  static const struct sockaddr_un any = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  *size = sizeof(*address);
  /* An address of the kernel's choice. */
  FUZZ_CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(fd, CLIENTS) == 0);
  FUZZ_CHECK(getsockname(fd, (struct sockaddr *)address, size) == 0);
  return fd;
}

static int come(const struct sockaddr_un *address, socklen_t size)
{
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  FUZZ_CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)address, size) == 0);
  return fd;
}

struct client {
  int fd;
  size_t have;
  uint8_t answers[4096];
};

/* What the monitor says are frames of its own, the first of them WELCOME or ERROR. */
static void listen_to(struct client *client, bool *greeted)
{
  ssize_t got;
  while ((got = recv(client->fd, client->answers + client->have, sizeof(client->answers) - client->have, MSG_DONTWAIT)) > 0) {
    client->have += (size_t)got;
    size_t at = 0;
    while (client->have - at >= FRAME_HEADER) {
      struct wire_reader r = wire_reader(client->answers + at, FRAME_HEADER);
      uint32_t size = wire_get_u32(&r);
      uint8_t type = wire_get_u8(&r);
      FUZZ_CHECK(type >= 0x81 && type <= 0xa3);
      FUZZ_CHECK(*greeted || type == FRAME_WELCOME || type == FRAME_ERROR);
      *greeted = true;
      FUZZ_CHECK(size <= 2048);
      if (client->have - at < FRAME_HEADER + size)
        break;
      at += FRAME_HEADER + size;
    }
    client->have -= at;
    memmove(client->answers, client->answers + at, client->have);
  }
}

static char folder[] = "/tmp/berth-fuzz-XXXXXX";

/* The monitor leaves no file in it: else it stays, and is seen. */
static void remove_folder(void)
{
  FUZZ_CHECK(rmdir(folder) == 0);
}

static const char *work_folder(void)
{
  static bool made;
  if (!made)
    FUZZ_CHECK(mkdtemp(folder) && atexit(remove_folder) == 0);
  made = true;
  return folder;
}

static void begin(struct monitor *monitor, const char *work, uint8_t how)
{
  static const enum state states[] = {S_CREATED, S_RUNNING, S_RUNNING, S_EXITED, S_FAILED, S_CREATING};
  static char socket_path[64];
  static char pid_path[64];
  struct err err;
  /* As setup.c has it. */
  signal(SIGPIPE, SIG_IGN);
  memset(monitor, 0, sizeof(*monitor));
  prepare(monitor);
  snprintf(socket_path, sizeof(socket_path), "%s/s", work);
  snprintf(pid_path, sizeof(pid_path), "%s/pid", work);
  monitor->options = (struct options){.id = "fuzz", .bundle = "/nowhere", .runtime = "/nowhere/runc", .runtime_root = "/nowhere",
                                      .socket = socket_path, .exit_file = "/nowhere/exit", .pid_file = pid_path,
                                      .tty = how & 0x40};
  monitor->state = states[how % (sizeof(states) / sizeof(states[0]))];
  monitor->init_pid = FIRST_PID - 1;
  /* No cgroup is made. */
  monitor->groups.use = GROUPS_NONE;
  monitor->record.status = status_unknown("fuzzing");
  snprintf(monitor->failure, sizeof(monitor->failure), "%s", monitor->state == S_FAILED ? "it failed" : "");
  FUZZ_CHECK(loop_open(&monitor->loop, &err) == 0);
}

static void step(struct monitor *monitor, struct client *client, struct fuzz_input *in, const struct sockaddr_un *address,
                 socklen_t size, bool *greeted)
{
  const uint8_t *bytes;
  uint8_t what = fuzz_byte(in) >> 2;
  if (client->fd < 0 && monitor->listen_fd >= 0) {
    *client = (struct client){.fd = come(address, size)};
    *greeted = false;
  }
  if (client->fd < 0)
    return;
  if (what < 48) {
    size_t length = fuzz_bytes(in, &bytes, fuzz_byte(in));
    send(client->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  } else if (what < 52) {
    shutdown(client->fd, SHUT_WR);
  } else if (what < 55) {
    close_fd(&client->fd);
  } else {
    end_child(&monitor->children, what < 60 ? 0 : (what & 1 ? 256 : 9));
  }
  turn(monitor);
  if (client->fd >= 0)
    listen_to(client, greeted);
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct monitor *monitor = &the_monitor;
  struct fuzz_input in = {data, size};
  begin(monitor, work_folder(), fuzz_byte(&in));
  struct sockaddr_un address;
  socklen_t length;
  struct client clients[CLIENTS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
  bool greeted[CLIENTS] = {false};
  int listener = listen_somewhere(&address, &length);
  monitor->listen_fd = listener;
  while (in.size > 0 && monitor->listen_fd >= 0) {
    size_t which = in.data[0] % CLIENTS;
    step(monitor, &clients[which], &in, &address, length, &greeted[which]);
    server_accept(monitor);
    turn(monitor);
  }
  for (int i = 0; i < CLIENTS; i++)
    close_fd(&clients[i].fd);
  turn(monitor);
  while (end_child(&monitor->children, 9))
    turn(monitor);
  /* Nobody is left, and nothing of them: no connection, no exec, no child. */
  FUZZ_CHECK(!monitor->conns && !monitor->execs && !monitor->children.first && monitor->children.pending == 0);
  if (monitor->listen_fd >= 0)
    close_fd(&monitor->listen_fd);
  close_fd(&monitor->loop.epoll);
}
