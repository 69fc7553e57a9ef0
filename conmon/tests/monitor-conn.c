/* A client that is let in, and the time it has for its first words. */
#include <sys/socket.h>

#include "lib/scope.h"
#include "monitor/conn.h"
#include "monitor/monitor.h"
#include "tests/test.h"

static struct monitor the_monitor;
static size_t frames;

static enum conn_result count(struct conn *conn, const struct frame *frame)
{
  (void)conn;
  (void)frame;
  frames++;
  return CONN_TAKEN;
}

static const struct role_ops stranger_ops = {.frame = count};

static struct conn *come_in(int *client)
{
  frames = 0;
  the_monitor = (struct monitor){0};
  int pair[2];
  if (loop_open(&the_monitor.loop, NULL) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
    return NULL;
  *client = pair[1];
  return conn_open(&the_monitor, pair[0], &stranger_ops);
}

static void leave(struct conn *conn)
{
  conn_close(conn);
  conn_free(conn);
  close(the_monitor.loop.epoll);
}

/* As if the loop had come to the timer before it came to the client. */
static void run_out_of_time(const struct conn *conn)
{
  conn->timer.fire(conn->timer.owner);
}

static bool silent(void)
{
  _cleanup_fd_ int client = -1;
  int64_t opened = loop_now();
  struct conn *conn = come_in(&client);
  CHECK(conn && conn->timer.due >= opened + CONN_HELLO_MS && conn->timer.due <= loop_now() + CONN_HELLO_MS);
  run_out_of_time(conn);
  char byte;
  CHECK(conn->dead && frames == 0 && recv(client, &byte, 1, 0) == 0);
  leave(conn);
  return true;
}

static bool in_time(void)
{
  _cleanup_fd_ int client = -1;
  struct conn *conn = come_in(&client);
  static const uint8_t hello[] = {8, 0, 0, 0, FRAME_HELLO, 0, 0, 0, 1, 0, 0, 0, 'B', 'M', 'O', 'N', 1, 0, ROLE_CONTROL, 0};
  CHECK(conn && write(client, hello, sizeof(hello)) == (ssize_t)sizeof(hello));
  run_out_of_time(conn);
  CHECK(frames == 1);
  leave(conn);
  return true;
}

static const struct test_case cases[] = {
    {"who does not say HELLO in its minute is closed", silent},
    {"who has said HELLO in time is heard, though the monitor was late in reading it", in_time},
};

TEST_MAIN("monitor-conn", cases)
