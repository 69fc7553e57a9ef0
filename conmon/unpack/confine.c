#include "unpack/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/seccomp.h"

/* A few are open at a time, however deep the tree. */
#define DESCRIPTORS 64

static int enter(const char *dir, struct err *err)
{
  if (unshare(CLONE_NEWNS) < 0)
    return err_set(err, errno, "unshare the mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    return err_set(err, errno, "make the mounts private");
  if (mount(dir, dir, NULL, MS_BIND, NULL) < 0)
    return err_set(err, errno, "bind %.200s", dir);
  if (mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
    return err_set(err, errno, "remount %.200s", dir);
  if (chdir(dir) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
    return err_set(err, errno, "pivot into %.200s", dir);
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    return err_set(err, errno, "leave the old root");
  return 0;
}

/* A limit that is lower already stays: raising it takes a privilege that root need not have. */
static int bound(int resource, uint64_t value, struct err *err)
{
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0)
    return err_set(err, errno, "read a limit");
  if (value < limit.rlim_max)
    limit.rlim_max = value;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) < 0 ? err_set(err, errno, "set a limit") : 0;
}

static int bound_resources(const struct limits *limits, struct err *err)
{
  const struct {
    int resource;
    uint64_t value;
  } bounds[] = {
      {RLIMIT_DATA, CONFINE_MEMORY},
      {RLIMIT_CORE, 0},
      {RLIMIT_NOFILE, DESCRIPTORS},
      {RLIMIT_FSIZE, limits->compressed > limits->expanded ? limits->compressed : limits->expanded},
      // Behind our own count, which ends with a message.
      {RLIMIT_CPU, limits->cpu_seconds > UINT32_MAX ? RLIM_INFINITY : limits->cpu_seconds + 10},
  };
  // A file beyond its bound then is an error of write(2), not the end.
  if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
    return err_set(err, errno, "ignore SIGXFSZ");
  for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
    int result = bound(bounds[i].resource, bounds[i].value, err);
    if (result < 0)
      return result;
  }
  return 0;
}

#define CAP(name) (1U << CAP_##name)
/* All of them have numbers below 32: they are in the first word. */
static const uint32_t kept = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(MKNOD) | CAP(SETFCAP) |
                             // For trusted.* attributes; what else it would allow, the filter of system calls denies.
                             CAP(SYS_ADMIN);

static int drop_capabilities(struct err *err)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0)
    return err_set(err, errno, "read the capabilities");
  data[0].permitted &= kept;
  data[1].permitted = 0;
  for (int i = 0; i < 2; i++) {
    data[i].effective = data[i].permitted;
    data[i].inheritable = 0;
  }
  return syscall(SYS_capset, &header, data) < 0 ? err_set(err, errno, "drop capabilities") : 0;
}

int confine_self(const struct limits *limits, struct err *err)
{
  int result = bound_resources(limits, err);
  if (result == 0)
    result = drop_capabilities(err);
  if (result < 0)
    return result;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return err_set(err, errno, "set no_new_privs");
  return seccomp_enter(err);
}

int confine(const char *dir, const struct limits *limits, struct err *err)
{
  umask(0);
  int result = enter(dir, err);
  if (result < 0)
    return result;
  _cleanup_fd_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return err_set(err, errno, "open the new root");
  result = confine_self(limits, err);
  return result < 0 ? result : steal_fd(&root);
}
