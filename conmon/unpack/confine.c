#include "unpack/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Room for zstd's largest window (128 MiB) beside our own; a layer made to ask for more fails by itself. */
#define MEMORY (160UL * 1024 * 1024)

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

int confine(const char *dir, struct err *err)
{
  umask(0);
  int result = enter(dir, err);
  if (result < 0)
    return result;
  const struct rlimit memory = {MEMORY, MEMORY};
  const struct rlimit core = {0, 0};
  if (setrlimit(RLIMIT_DATA, &memory) < 0 || setrlimit(RLIMIT_CORE, &core) < 0)
    return err_set(err, errno, "bound the memory");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return err_set(err, errno, "set no_new_privs");
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return root < 0 ? err_set(err, errno, "open the new root") : root;
}
