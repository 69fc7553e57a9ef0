#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"
#include "lib/unix_socket.h"

enum { CGROUP2_MAGIC = 0x63677270 };

/*
 * clone3 by hand: glibc has no wrapper, and only clone3 starts a child in a cgroup2. Writing cgroup.procs instead costs a
 * grace period of RCU each time. The process has one thread and no atfork handlers, so nothing of fork(3) is missed.
 */
pid_t spawn_fork(const struct placement *place, struct err *err)
{
  struct clone_args args = {.exit_signal = SIGCHLD};
  if (place->unified >= 0) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)place->unified;
  }
  long pid = syscall(SYS_clone3, &args, sizeof(args));
  return pid < 0 ? err_set(err, errno, "start a child in cgroup %s", place->dir) : (pid_t)pid;
}

static int open_procs(struct placement *place, const char *dir, struct err *err)
{
  char path[4096];
  if (snprintf(path, sizeof(path), "%s/cgroup.procs", dir) >= (int)sizeof(path))
    return err_set(err, ENAMETOOLONG, "cgroup %s", dir);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return err_set(err, errno, "open %s", path);
  place->procs[place->procs_count++] = fd;
  return 0;
}

/*
 * Whether a child that starts in the cgroup2 lives. Kernels before 5.7 cannot do it; Linux 6.14 and later kill the child
 * at once if that cgroup has ever been killed as a whole (cgroup.kill) and ours has not.
 */
static bool takes_children(const struct placement *place)
{
  pid_t pid = spawn_fork(place, NULL);
  if (pid == 0)
    _exit(0);
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
}

int placement_open(struct placement *place, const char *const *dirs, int count, struct err *err)
{
  *place = (struct placement){.unified = -1, .dir = dirs[0]};
  for (int i = 0; i < count; i++) {
    struct statfs fs;
    if (statfs(dirs[i], &fs) < 0)
      return err_set(err, errno, "cgroup %s", dirs[i]);
    if (fs.f_type == CGROUP2_MAGIC && place->unified < 0) {
      place->unified = open(dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (place->unified < 0)
        return err_set(err, errno, "open cgroup %s", dirs[i]);
      if (takes_children(place))
        continue;
      close_fd(&place->unified);
    }
    int failed = open_procs(place, dirs[i], err);
    if (failed < 0)
      return failed;
  }
  return 0;
}

int spawn_child_setup(const struct placement *place, pid_t launcher, bool dies_with_us, struct err *err)
{
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  if (dies_with_us) {
    int failed = proc_die_with(launcher);
    if (failed == -ESRCH)
      _exit(1);
    if (failed < 0)
      return err_set(err, -failed, "prctl PR_SET_PDEATHSIG");
  }
  for (int i = 0; i < place->procs_count; i++) {
    if (write(place->procs[i], "0", 1) != 1)
      return err_set(err, errno, "enter the cgroup %s", place->dir);
  }
  if (setsid() < 0)
    return err_set(err, errno, "setsid");
  return 0;
}

pid_t spawn_call(struct launcher *l, int reply_fd, int kept, struct err *err)
{
  /* Who waits for the lock stays out of the helpers' cgroup: its holder, as it ends, kills all that is in there. */
  static const struct placement nowhere = {.unified = -1, .dir = "of the launcher"};
  const struct placement *place = kept == LOCK_FD ? &nowhere : &l->helpers;
  pid_t launcher = getpid();
  pid_t pid = spawn_fork(place, err);
  if (pid != 0)
    return pid;
  struct err failure = {0};
  /* Nothing of the launcher stays open: its control socket above all, or berthd would not see it end. */
  if (spawn_child_setup(place, launcher, true, &failure) < 0 || dup3(reply_fd, CONTROL_FD, O_CLOEXEC) < 0 ||
      (kept >= 0 && kept != KEPT_FD && dup3(kept, KEPT_FD, O_CLOEXEC) < 0) ||
      proc_close_from(kept >= 0 ? KEPT_FD + 1 : CONTROL_FD + 1) < 0)
    _exit(1);
  signal(SIGPIPE, SIG_IGN);
  return 0;
}

int connect_bulk(const char *path, const uint8_t token[TOKEN_SIZE], struct err *err)
{
  struct sockaddr_un address;
  if (unix_address(path, &address, err) < 0)
    return -ENAMETOOLONG;
  _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return err_set(err, errno, "socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
    return err_set(err, errno, "connect to %s", path);
  int failed = write_full(fd, token, TOKEN_SIZE);
  if (failed < 0)
    return err_set(err, -failed, "write to %s", path);
  return steal_fd(&fd);
}
