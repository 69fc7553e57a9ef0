/* Holders of namespaces, and the user namespaces that are made with them. */
#include "launcher/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/idmap.h"
#include "lib/io.h"
#include "lib/scope.h"
#include "tests/test.h"

static int succeed(void *arg, struct err *err)
{
  (void)err;
  *(int *)arg = 1;
  return 0;
}

static int fail(void *arg, struct err *err)
{
  return err_set(err, ENOTEMPTY, "step of %s", (const char *)arg);
}

static int die(void *arg, struct err *err)
{
  (void)arg;
  (void)err;
  _exit(0);
}

static bool it_waits_until_it_is_ended(void)
{
  int touched = 0;
  pid_t pid = holder_start(succeed, &touched, NULL);
  CHECK(pid > 0);
  CHECK(touched == 0);
  CHECK(waitpid(pid, NULL, WNOHANG) == 0);
  holder_end(pid);
  CHECK(waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD);
  return true;
}

static bool what_failed_in_it_is_told(void)
{
  struct err err = {0};
  char name[] = "a test";
  CHECK(holder_start(fail, name, &err) == -ENOTEMPTY);
  CHECK(err.code == ENOTEMPTY && strcmp(err.msg, "step of a test") == 0);
  CHECK(holder_start(die, NULL, &err) == -ECHILD && err.code == ECHILD);
  CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
  return true;
}

static int take_ids(void *arg, struct err *err)
{
  (void)arg;
  return setresuid(0, 65534, 0) < 0 || setresuid(0, 0, 0) < 0 ? err_set(err, errno, "change ids") : 0;
}

/* The end of a pipe that all of them have is closed with the last of them. */
static bool it_ends_with_its_parent(void)
{
  int ends[2];
  CHECK(pipe(ends) == 0);
  _cleanup_fd_ int read_end = ends[0];
  pid_t parent = fork();
  if (parent == 0)
    _exit(holder_start(take_ids, NULL, NULL) > 0 ? 0 : 1);
  close(ends[1]);
  int status = 1;
  CHECK(waitpid(parent, &status, 0) == parent && status == 0);
  alarm(10);
  char byte;
  CHECK(read_once(read_end, &byte, 1) == 0);
  alarm(0);
  return true;
}

static int enter(void *arg, struct err *err)
{
  return setns(*(int *)arg, CLONE_NEWUSER) < 0 ? err_set(err, errno, "enter") : 0;
}

static bool maps_are_those_of_the_namespace(void)
{
  static struct idmap map = {
      .uids = {.count = 2, .ranges = {{0, 100000, 10}, {10, 200000, 20}}},
      .gids = {.count = 1, .ranges = {{0, 300000, 65536}}},
  };
  _cleanup_fd_ int userns = idmap_open(&map, NULL);
  CHECK(userns >= 0);
  pid_t pid = holder_start(enter, &userns, NULL);
  CHECK(pid > 0);
  char path[64];
  char uids[256];
  char gids[256];
  snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
  CHECK(read_text(path, uids, sizeof(uids)) > 0);
  snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
  CHECK(read_text(path, gids, sizeof(gids)) > 0);
  holder_end(pid);
  unsigned int u[6];
  unsigned int g[3];
  CHECK(sscanf(uids, "%u %u %u %u %u %u", &u[0], &u[1], &u[2], &u[3], &u[4], &u[5]) == 6);
  CHECK(u[0] == 0 && u[1] == 100000 && u[2] == 10 && u[3] == 10 && u[4] == 200000 && u[5] == 20);
  CHECK(sscanf(gids, "%u %u %u", &g[0], &g[1], &g[2]) == 3 && g[0] == 0 && g[1] == 300000 && g[2] == 65536);
  return true;
}

static bool maps_that_overlap_are_refused(void)
{
  static struct idmap map = {
      .uids = {.count = 2, .ranges = {{0, 100000, 10}, {5, 200000, 10}}},
      .gids = {.count = 1, .ranges = {{0, 300000, 65536}}},
  };
  struct err err = {0};
  CHECK(idmap_open(&map, &err) == -EINVAL);
  CHECK(strcmp(err.msg, "write uid_map of a user namespace: 0 100000 10") == 0);
  return true;
}

static const struct test_case cases[] = {
    {"it waits until it is ended", it_waits_until_it_is_ended},
    {"what failed in it is told", what_failed_in_it_is_told},
    {"it ends with its parent", it_ends_with_its_parent},
    {"maps are those of the namespace", maps_are_those_of_the_namespace},
    {"maps that overlap are refused", maps_that_overlap_are_refused},
};

TEST_MAIN("launcher-holder", cases)
