#include "lib/proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/scope.h"
#include "tests/test.h"

static bool a_name_with_brackets_is_read(void)
{
  const char *stat = "12 (a) b (c)) S 1 12 12 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654321 1000 5";
  struct proc_identity identity;
  CHECK(proc_parse_stat(stat, &identity) == 0);
  CHECK(identity.start_time == 987654321 && !identity.ended);
  return true;
}

static bool a_zombie_has_ended_unless_threads_run(void)
{
  struct proc_identity identity;
  CHECK(proc_parse_stat("12 (a) Z 1 12 12 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 77 0 0", &identity) == 0);
  CHECK(identity.start_time == 77 && identity.ended);
  CHECK(proc_parse_stat("12 (a) Z 1 12 12 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 2 0 77 0 0", &identity) == 0);
  CHECK(!identity.ended);
  return true;
}

static bool one_on_its_way_out_is_told(void)
{
  struct proc_identity identity;
  CHECK(proc_parse_stat("12 (a) S 1 12 12 0 -1 4194564 100 0 0 0 1 2 0 0 20 0 1 0 77 0 0", &identity) == 0);
  CHECK(identity.exiting && !identity.ended);
  CHECK(proc_parse_stat("12 (a) S 1 12 12 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 77 0 0", &identity) == 0);
  CHECK(!identity.exiting);
  return true;
}

static bool a_short_line_is_refused(void)
{
  struct proc_identity identity;
  CHECK(proc_parse_stat("12 (sh) S 1 12 12", &identity) == -EINVAL);
  CHECK(proc_parse_stat("", &identity) == -EINVAL);
  CHECK(proc_parse_stat("12 (sh)", &identity) == -EINVAL);
  return true;
}

static bool our_own_start_time_stays(void)
{
  struct err err = {0};
  uint64_t first = 0;
  uint64_t second = 1;
  CHECK(proc_start_time(getpid(), &first, &err) == 0);
  CHECK(proc_start_time(getpid(), &second, &err) == 0);
  CHECK(first == second && first > 0);
  return true;
}

static bool a_process_that_is_gone_is_told(void)
{
  pid_t pid = fork();
  if (pid == 0)
    pause();
  _cleanup_fd_ int pidfd = proc_pidfd_open(pid);
  CHECK(pidfd >= 0);
  CHECK(proc_pidfd_signal(pidfd, SIGKILL) == 0);
  CHECK(waitpid(pid, NULL, 0) == pid);
  CHECK(proc_pidfd_signal(pidfd, SIGKILL) == -ESRCH);
  struct err err = {0};
  uint64_t ticks;
  CHECK(proc_start_time(pid, &ticks, &err) == -ESRCH && err.code == ESRCH);
  return true;
}

static const struct test_case cases[] = {
    {"a name with brackets is read", a_name_with_brackets_is_read},
    {"a zombie has ended unless threads run", a_zombie_has_ended_unless_threads_run},
    {"one on its way out is told", one_on_its_way_out_is_told},
    {"a short line is refused", a_short_line_is_refused},
    {"our own start time stays", our_own_start_time_stays},
    {"a process that is gone is told", a_process_that_is_gone_is_told},
};

TEST_MAIN("lib-proc", cases)
