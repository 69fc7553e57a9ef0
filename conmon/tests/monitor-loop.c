/* The loop when the kernel will not watch a descriptor: linked with an epoll_ctl that refuses on demand. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor/loop.h"
#include "tests/test.h"

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);

/* So many additions fail. */
static int refusals;

int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
  if (operation == EPOLL_CTL_ADD && refusals > 0) {
    refusals--;
    errno = ENOSPC;
    return -1;
  }
  return __real_epoll_ctl(epoll, operation, fd, event);
}

struct reader {
  struct loop loop;
  struct source source;
  int fds[2];
  int seen;
};

static void readable(void *owner, uint32_t events)
{
  (void)events;
  struct reader *reader = owner;
  char byte;
  reader->seen += read(reader->fds[0], &byte, 1) == 1;
}

static bool open_reader(struct reader *reader)
{
  struct err err;
  *reader = (struct reader){0};
  CHECK(pipe(reader->fds) == 0);
  CHECK(loop_open(&reader->loop, &err) == 0);
  CHECK(loop_watch(&reader->loop, &reader->source, reader->fds[0], 0, readable, reader) == 0);
  return true;
}

static void close_reader(struct reader *reader)
{
  loop_unwatch(&reader->loop, &reader->source);
  close(reader->fds[0]);
  close(reader->fds[1]);
  close(reader->loop.epoll);
}

static bool watches_again_when_it_can(void)
{
  struct reader reader;
  struct err err;
  CHECK(open_reader(&reader));
  CHECK(write(reader.fds[1], "x", 1) == 1);
  refusals = 3;
  loop_want(&reader.loop, &reader.source, EPOLLIN);
  CHECK(refusals == 2);
  for (int turn = 0; reader.seen == 0 && turn < 10; turn++)
    CHECK(loop_turn(&reader.loop, &err) == 0);
  CHECK(refusals == 0);
  CHECK(reader.seen == 1);
  close_reader(&reader);
  return true;
}

static bool forgets_what_is_no_longer_wanted(void)
{
  struct reader reader;
  CHECK(open_reader(&reader));
  refusals = 1;
  loop_want(&reader.loop, &reader.source, EPOLLIN);
  loop_unwatch(&reader.loop, &reader.source);
  CHECK(reader.loop.starved == NULL);
  CHECK(refusals == 0);
  close_reader(&reader);
  return true;
}

static const struct test_case cases[] = {
    {"what the kernel would not watch is watched as soon as it will", watches_again_when_it_can},
    {"what is no longer wanted is not tried again", forgets_what_is_no_longer_wanted},
};

TEST_MAIN("monitor-loop", cases)
