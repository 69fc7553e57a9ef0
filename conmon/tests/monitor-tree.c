#include "monitor/tree.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

/* Makes so many processes, each the child of the last; with `detach` each in a session of its own. All write a byte. */
static void chain(int depth, bool detach, int report)
{
  while (depth > 1 && fork() == 0) {
    depth--;
    if (detach)
      setsid();
  }
  if (write(report, "x", 1) != 1)
    _exit(1);
  for (;;)
    pause();
}

static pid_t start(int depth, bool detach, int *report)
{
  int fds[2];
  if (pipe(fds) < 0)
    return -1;
  pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    setsid();
    chain(depth, detach, fds[1]);
  }
  close(fds[1]);
  *report = fds[0];
  char byte;
  for (int i = 0; i < depth; i++)
    if (read(fds[0], &byte, 1) != 1)
      return -1;
  return pid;
}

/* All writers are dead when the pipe ends; as their subreaper we then collect them. */
static bool all_dead(int report)
{
  char byte;
  bool ended = read(report, &byte, 1) == 0;
  close(report);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
    ;
  return ended;
}

static bool kills(int depth, bool detach)
{
  int report = -1;
  pid_t pid = start(depth, detach, &report);
  CHECK(pid > 0);
  CHECK(tree_kill(pid) == depth);
  CHECK(all_dead(report));
  return true;
}

static bool one(void)
{
  return kills(1, false);
}

static bool descendants(void)
{
  return kills(6, false);
}

static bool sessions(void)
{
  return kills(6, true);
}

/* Its parent is gone, so only the session tells whose it is. */
static bool orphans_of_the_session(void)
{
  int fds[2];
  CHECK(pipe(fds) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    if (fork() == 0) {
      if (fork() == 0)
        chain(1, false, fds[1]);
      _exit(0);
    }
    wait(NULL);
    chain(1, false, fds[1]);
  }
  close(fds[1]);
  char bytes[2];
  CHECK(read(fds[0], bytes, 1) == 1 && read(fds[0], bytes + 1, 1) == 1);
  CHECK(tree_kill(pid) == 2);
  CHECK(all_dead(fds[0]));
  return true;
}

static bool bystanders_live(void)
{
  int report = -1;
  int other = -1;
  pid_t pid = start(2, false, &report);
  pid_t bystander = start(1, false, &other);
  CHECK(pid > 0 && bystander > 0);
  CHECK(tree_kill(pid) == 2);
  CHECK(kill(bystander, 0) == 0 && waitpid(bystander, NULL, WNOHANG) == 0);
  CHECK(tree_kill(bystander) == 1);
  CHECK(all_dead(report) && all_dead(other));
  return true;
}

static bool refuses_init(void)
{
  CHECK(tree_kill(1) == -EINVAL && tree_kill(0) == -EINVAL && tree_kill(-1) == -EINVAL);
  return true;
}

static const struct test_case cases[] = {
    {"a process", one},
    {"its descendants", descendants},
    {"descendants in sessions of their own", sessions},
    {"orphans of its session", orphans_of_the_session},
    {"nobody else", bystanders_live},
    {"never init, never everybody", refuses_init},
};

int main(void)
{
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  return test_main("monitor-tree", cases, sizeof(cases) / sizeof(cases[0]));
}
