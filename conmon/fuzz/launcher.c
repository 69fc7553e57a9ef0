/*
 * The launcher's requests, as its control socket brings them: frames, every operation's dispatch, the programs that RUN
 * and START_MONITOR describe; and the pure parsers of the operations. Nothing is started: a fork fails here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "launcher/launcher.h"
#include "launcher/namespace.h"
#include "launcher/network.h"
#include "lib/io.h"
#include "lib/scope.h"

const char fuzz_name[] = "launcher";
const size_t fuzz_max = 16 * 1024;

pid_t spawn_fork(const struct placement *place, struct err *err)
{
  (void)place;
  return err_set(err, EAGAIN, "fork");
}

pid_t spawn_call(struct launcher *l, int reply_fd, int kept, struct err *err)
{
  (void)l;
  (void)reply_fd;
  (void)kept;
  return err_set(err, EAGAIN, "fork");
}

int spawn_child_setup(const struct placement *place, pid_t launcher, bool dies_with_us, struct err *err)
{
  (void)place;
  (void)launcher;
  (void)dies_with_us;
  return err_set(err, ENOSYS, "no child gets here");
}

int connect_bulk(const char *path, const uint8_t token[TOKEN_SIZE], struct err *err)
{
  (void)token;
  return err_set(err, ENOSYS, "connect to %s", path);
}

/* A number that is some process's by chance must not be signalled. */
void process_signal(struct launcher *l, uint32_t id, struct wire_reader *in)
{
  wire_get_u32(in);
  wire_get_u64(in);
  wire_get_u32(in);
  if (wire_done(in))
    control_reply(l, id, OP_SIGNAL, STATUS_OK, "", 1);
}

void process_identify(struct launcher *l, uint32_t id, struct wire_reader *in)
{
  wire_get_u32(in);
  if (wire_done(in))
    control_reply(l, id, OP_IDENTIFY, STATUS_OK, "", 1);
}

int call_lock(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)in;
  (void)out;
  return err_set(err, ENOSYS, "no child gets here");
}

/* The answers are whole frames, one for each request that was taken. */
static void check_answers(int peer)
{
  static uint8_t answers[1 << 20];
  size_t have = 0;
  for (ssize_t got; have < sizeof(answers) && (got = read_once(peer, answers + have, sizeof(answers) - have)) > 0;)
    have += (size_t)got;
  for (size_t at = 0; at < have;) {
    FUZZ_CHECK(have - at >= HEADER_SIZE);
    struct wire_reader header = wire_reader(answers + at, HEADER_SIZE);
    at += HEADER_SIZE + wire_get_u32(&header);
    FUZZ_CHECK(at <= have || have == sizeof(answers));
  }
}

static void requests(const uint8_t *data, size_t size)
{
  int fds[2];
  FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
  _cleanup_fd_ int peer = fds[1];
  if (fds[0] != CONTROL_FD) {
    FUZZ_CHECK(dup3(fds[0], CONTROL_FD, O_CLOEXEC) == CONTROL_FD);
    close(fds[0]);
  }
  struct launcher l = {.epoll = epoll_create1(EPOLL_CLOEXEC), .signals = -1, .bulk_path = "/nowhere"};
  l.output = wire_writer(SIZE_MAX);
  l.helpers.unified = l.monitors.unified = -1;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l.input};
  FUZZ_CHECK(l.epoll >= 0 && epoll_ctl(l.epoll, EPOLL_CTL_ADD, CONTROL_FD, &event) == 0);
  FUZZ_CHECK(write_full(peer, data, size) == 0 && shutdown(peer, SHUT_WR) == 0);
  bool end = false;
  struct err err = {0};
  int failed = 0;
  while (!end && failed == 0) {
    failed = control_read(&l, &end, &err);
    FUZZ_CHECK(failed == 0 || (err.code > 0 && err.msg[0]));
    if (failed == 0)
      failed = control_flush(&l, &err);
  }
  check_answers(peer);
  /* A fork that failed leaves no job. */
  FUZZ_CHECK(!l.jobs);
  job_free_ended(&l);
  wire_free(&l.output);
  free(l.input);
  close(l.epoll);
  close(CONTROL_FD);
}

static void parsers(const char *text)
{
  struct interface_counters counters;
  char path[64];
  if (parse_interface_line(text, &counters) == 0)
    FUZZ_CHECK(memchr(counters.name, 0, sizeof(counters.name)));
  if (sysctl_path(text, path, sizeof(path)) == 0)
    FUZZ_CHECK(strncmp(path, "/proc/sys/", 10) == 0 && !strstr(path, "/../"));
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct fuzz_input in = {data, size};
  if (fuzz_byte(&in) % 8 != 0) {
    requests(in.data, in.size);
    return;
  }
  _cleanup_free_ char *text = fuzz_text(in.data, in.size);
  parsers(text);
}
