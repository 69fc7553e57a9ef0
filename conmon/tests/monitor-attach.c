/* Clients that watch and attach, over socket pairs and a pipe, without a container: who is slow, who goes, whose turn it is. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>

#include "lib/scope.h"
#include "monitor/attach.h"
#include "monitor/events.h"
#include "monitor/monitor.h"
#include "tests/test.h"

static struct monitor the_monitor;
static uint16_t resized_width;

struct state_view monitor_view(const struct monitor *monitor)
{
  (void)monitor;
  return (struct state_view){.kind = SK_RUNNING, .pid = 7};
}

void streams_resize(struct monitor *monitor, uint16_t width, uint16_t height)
{
  (void)monitor;
  (void)height;
  resized_width = width;
}

static struct monitor *fresh(void)
{
  the_monitor = (struct monitor){.init_pid = 7};
  the_monitor.in.input.fd = -1;
  if (loop_open(&the_monitor.loop, NULL) < 0)
    abort();
  return &the_monitor;
}

static void finish(struct monitor *monitor)
{
  while (monitor->conns) {
    struct conn *conn = monitor->conns;
    monitor->conns = conn->next;
    conn_close(conn);
    conn_free(conn);
  }
  input_close(&monitor->in.input);
  close(monitor->loop.epoll);
}

/* A client after its HELLO; gives its end of the socket. */
static int join(struct monitor *monitor, enum role role, struct conn **conn)
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
    return -1;
  *conn = conn_open(monitor, pair[0], role == ROLE_ATTACH ? &attach_ops : &events_ops);
  if (!*conn)
    return -1;
  loop_disarm(&monitor->loop, &(*conn)->timer);
  (*conn)->role = role;
  (*conn)->next = monitor->conns;
  monitor->conns = *conn;
  return pair[1];
}

/* Runs the loop until it has nothing to do: both ends are ours, so nothing is still to come. */
static void settle(struct monitor *monitor)
{
  struct pollfd loop = {.fd = monitor->loop.epoll, .events = POLLIN};
  while (poll(&loop, 1, 0) > 0 || (monitor->loop.timers && monitor->loop.timers->due <= loop_now()))
    loop_turn(&monitor->loop, NULL);
}

static bool send_frame(int fd, uint8_t type, const void *data, size_t size)
{
  uint8_t header[FRAME_HEADER];
  frame_header(header, type, 3, size);
  return write(fd, header, sizeof(header)) == (ssize_t)sizeof(header) && (size == 0 || write(fd, data, size) == (ssize_t)size);
}

/* Reads so many bytes, while the monitor sends what has piled up. */
static bool read_all(struct monitor *monitor, int fd, uint8_t *data, size_t size)
{
  for (size_t done = 0; done < size;) {
    ssize_t got = recv(fd, data + done, size - done, 0);
    if (got < 0 && errno == EAGAIN) {
      settle(monitor);
      got = recv(fd, data + done, size - done, 0);
    }
    if (got <= 0)
      return false;
    done += (size_t)got;
  }
  return true;
}

/* The next frame of the monitor's: its type, or 0 if none comes, or -1 at the end. */
static int next_frame(struct monitor *monitor, int fd, uint8_t *payload, size_t *size)
{
  uint8_t header[FRAME_HEADER];
  if (!read_all(monitor, fd, header, sizeof(header)))
    return recv(fd, header, 1, MSG_PEEK) == 0 ? -1 : 0;
  *size = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16;
  return read_all(monitor, fd, payload, *size) ? header[4] : 0;
}

static uint8_t big[64 * 1024];
static uint8_t got_bytes[2 * 1024 * 1024];

static bool slow_watcher(void)
{
  struct monitor *monitor = fresh();
  struct conn *conn = NULL;
  _cleanup_fd_ int fd = join(monitor, ROLE_EVENTS, &conn);
  CHECK(fd >= 0);
  CHECK(send_frame(fd, FRAME_SUBSCRIBE, "\2\0\0\0", 4));
  settle(monitor);
  /* Not what it has asked for. */
  events_log(monitor, &(struct log_notice){.what = LC_LOSES});
  uint64_t sent = 0;
  while (!conn->finishing && sent < 1000000)
    events_oom(monitor, ++sent);
  CHECK(conn->finishing && conn_backlog(conn) > CONN_EVENTS_MAX && conn_backlog(conn) < CONN_EVENTS_MAX + 1024);
  size_t size;
  CHECK(next_frame(monitor, fd, got_bytes, &size) == FRAME_OK);
  uint64_t seen = 0;
  for (int type;;) {
    type = next_frame(monitor, fd, got_bytes, &size);
    if (type == FRAME_ERROR)
      break;
    struct wire_reader r = wire_reader(got_bytes, size);
    CHECK(type == FRAME_OOM && wire_get_u64(&r) == ++seen);
  }
  CHECK(seen == sent - 1 && got_bytes[0] == PE_SLOW);
  CHECK(next_frame(monitor, fd, got_bytes, &size) == -1);
  finish(monitor);
  return true;
}

static bool slow_attached(void)
{
  struct monitor *monitor = fresh();
  struct conn *conn = NULL;
  struct conn *other_conn = NULL;
  _cleanup_fd_ int fd = join(monitor, ROLE_ATTACH, &conn);
  _cleanup_fd_ int other = join(monitor, ROLE_ATTACH, &other_conn);
  CHECK(fd >= 0 && other >= 0);
  CHECK(send_frame(fd, FRAME_ATTACH, "\3", 1) && send_frame(other, FRAME_ATTACH, "\7", 1));
  settle(monitor);
  CHECK(monitor->attached == 2 && monitor->in.senders == 2);
  size_t size;
  CHECK(next_frame(monitor, fd, got_bytes, &size) == FRAME_STARTED && size == 4 && got_bytes[0] == 7);
  CHECK(next_frame(monitor, other, got_bytes, &size) == FRAME_STARTED);
  size_t pieces = 0;
  while (!conn->finishing && pieces < 1000) {
    memset(big, (int)('a' + pieces % 26), sizeof(big));
    attach_output(monitor, LOG_STDOUT, big, sizeof(big));
    attach_output(monitor, LOG_STDERR, big, 1);
    pieces++;
    CHECK(conn_backlog(conn) <= CONN_ATTACH_MAX + sizeof(big) + 128);
    CHECK(next_frame(monitor, other, got_bytes, &size) == FRAME_STDOUT && size == sizeof(big) && memcmp(got_bytes, big, size) == 0);
    CHECK(next_frame(monitor, other, got_bytes, &size) == FRAME_STDERR && size == 1);
  }
  /* It is nobody's any more: neither counted, nor awaited for its stdin. */
  CHECK(conn->finishing && !other_conn->finishing && monitor->attached == 1 && monitor->in.senders == 1);
  size_t seen = 0;
  int type;
  while ((type = next_frame(monitor, fd, got_bytes, &size)) == FRAME_STDOUT) {
    CHECK(size == sizeof(big) && got_bytes[0] == 'a' + seen % 26 && memcmp(got_bytes, got_bytes + 1, size - 1) == 0);
    seen++;
  }
  CHECK(type == FRAME_ERROR && got_bytes[0] == PE_SLOW && seen == pieces - 1 && seen > 0);
  CHECK(next_frame(monitor, fd, got_bytes, &size) == -1);
  monitor->record.status = (struct exit_status){.kind = ST_EXITED, .value = 9};
  attach_exit(monitor);
  CHECK(next_frame(monitor, other, got_bytes, &size) == FRAME_EXIT && got_bytes[0] == ST_EXITED && got_bytes[1] == 9);
  CHECK(next_frame(monitor, other, got_bytes, &size) == -1 && monitor->attached == 0);
  finish(monitor);
  return true;
}

static size_t drain_pipe(struct monitor *monitor, int fd)
{
  size_t all = 0;
  for (ssize_t got;;) {
    settle(monitor);
    got = read(fd, got_bytes + all, sizeof(got_bytes) - all);
    if (got <= 0)
      return all;
    all += (size_t)got;
  }
}

/* a a a b b b c c c: nothing between, whoever waits. */
static bool is_run(const uint8_t *bytes, uint8_t letter, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != letter)
      return false;
  return true;
}

static bool stdin_in_turn(void)
{
  struct monitor *monitor = fresh();
  monitor->options.stdin_once = true;
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  _cleanup_fd_ int container = ends[0];
  CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
  stdin_open(monitor, ends[1]);
  int fds[3];
  struct conn *conns[3];
  enum { SIZE = 10000 };
  for (int i = 0; i < 3; i++) {
    CHECK((fds[i] = join(monitor, ROLE_ATTACH, &conns[i])) >= 0);
    memset(big, 'a' + i, SIZE);
    CHECK(send_frame(fds[i], FRAME_ATTACH, "\1", 1) && send_frame(fds[i], FRAME_STDIN, big, SIZE));
    settle(monitor);
  }
  CHECK(conns[0]->waiting && conns[1]->waiting && conns[2]->waiting);
  /* What one sends behind a frame that waits comes in its turn, behind the others'. */
  CHECK(send_frame(fds[1], FRAME_STDIN, "B", 1) && send_frame(fds[1], FRAME_STDIN_EOF, NULL, 0));
  CHECK(send_frame(fds[1], FRAME_RESIZE, "\12\0\12\0", 4));
  /* The first goes in the middle of its frame. */
  close(fds[0]);
  size_t all = drain_pipe(monitor, container);
  CHECK(all == 4096 + 2 * SIZE + 1);
  CHECK(is_run(got_bytes, 'a', 4096) && is_run(got_bytes + 4096, 'b', SIZE) && is_run(got_bytes + 4096 + SIZE, 'c', SIZE));
  CHECK(got_bytes[all - 1] == 'B' && resized_width == 10);
  /* One has sent its end, one has gone, one is left; then none: the pipe ends. */
  CHECK(read(container, got_bytes, 1) < 0 && errno == EAGAIN);
  close(fds[2]);
  settle(monitor);
  CHECK(read(container, got_bytes, 1) == 0);
  CHECK(send_frame(fds[1], FRAME_STDIN, "x", 1));
  settle(monitor);
  CHECK(!conns[1]->finishing && !conns[1]->dead);
  close(fds[1]);
  finish(monitor);
  return true;
}

static bool stdin_unread(void)
{
  struct monitor *monitor = fresh();
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  stdin_open(monitor, ends[1]);
  signal(SIGPIPE, SIG_IGN);
  int fds[2];
  struct conn *conns[2];
  for (int i = 0; i < 2; i++) {
    CHECK((fds[i] = join(monitor, ROLE_ATTACH, &conns[i])) >= 0);
    CHECK(send_frame(fds[i], FRAME_ATTACH, "\1", 1) && send_frame(fds[i], FRAME_STDIN, big, sizeof(big)) &&
          send_frame(fds[i], FRAME_STDIN, big, sizeof(big)));
    settle(monitor);
  }
  CHECK(conns[0]->waiting && conns[1]->waiting);
  /* Nobody reads any more: what everybody has sent is dropped, and nobody is closed. */
  close(ends[0]);
  settle(monitor);
  CHECK(!conns[0]->waiting && !conns[1]->waiting && !conns[0]->finishing && !conns[1]->finishing);
  CHECK(monitor->in.input.fd < 0 && !monitor->in.line);
  close(fds[0]);
  close(fds[1]);
  finish(monitor);
  return true;
}

/* The end-of-file character must not get lost where a paste has filled the terminal, nor be followed by anything. */
static bool end_of_full_terminal(void)
{
  struct monitor *monitor = fresh();
  monitor->options.stdin_once = monitor->options.tty = true;
  _cleanup_fd_ int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  char name[64];
  CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof(name)) == 0);
  _cleanup_fd_ int slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  struct termios settings;
  CHECK(slave >= 0 && tcgetattr(slave, &settings) == 0);
  settings.c_lflag &= ~(tcflag_t)ECHO;
  CHECK(tcsetattr(slave, TCSANOW, &settings) == 0);
  stdin_open(monitor, fcntl(master, F_DUPFD_CLOEXEC, 0));
  struct conn *conn = NULL;
  _cleanup_fd_ int paster = join(monitor, ROLE_ATTACH, &conn);
  for (size_t i = 0; i < sizeof(big); i++)
    big[i] = i % 8 == 7 ? '\n' : 'x';
  CHECK(paster >= 0 && send_frame(paster, FRAME_ATTACH, "\1", 1) && send_frame(paster, FRAME_STDIN, big, sizeof(big)));
  settle(monitor);
  CHECK(conn->waiting);
  size_t written = monitor->in.input.taken;
  close_fd(&paster);
  settle(monitor);
  _cleanup_fd_ int late = join(monitor, ROLE_ATTACH, &conn);
  CHECK(late >= 0 && send_frame(late, FRAME_ATTACH, "\1", 1) && send_frame(late, FRAME_STDIN, "late\n", 5));
  settle(monitor);
  CHECK(!conn->waiting);
  size_t seen = 0;
  ssize_t got = -1;
  for (int64_t give_up = loop_now() + 5000; got != 0 && loop_now() < give_up;) {
    got = read(slave, got_bytes, 4096);
    for (ssize_t i = 0; i < got; i++)
      CHECK(got_bytes[i] == big[seen++]);
    settle(monitor);
  }
  CHECK(got == 0 && seen == written && monitor->in.input.fd < 0);
  finish(monitor);
  return true;
}

static const struct test_case cases[] = {
    {"an events client that does not read gets `slow` last, after all that was sent before", slow_watcher},
    {"an attach client that does not read gets `slow` last; another one gets everything", slow_attached},
    {"stdin takes the frames of several whole, in their order", stdin_in_turn},
    {"stdin that nobody reads any more ends no session", stdin_unread},
    {"a terminal that is full gets its end when there is room", end_of_full_terminal},
};

TEST_MAIN("monitor-attach", cases)
