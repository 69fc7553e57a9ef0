#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/holder.h"
#include "launcher/idmap.h"
#include "launcher/launcher.h"
#include "launcher/namespace.h"
#include "lib/io.h"
#include "lib/scope.h"

enum { KINDS = 4, UNMOUNT_DETACH = 2, UNMOUNT_NOFOLLOW = 8, PIN_MODE = 0444 };

static const struct kind {
  int flag;
  const char *file;
} kinds[KINDS] = {
    {CLONE_NEWNET, "net"},
    {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWUTS, "uts"},
    {CLONE_NEWUSER, "user"},
};

/* Whether each part between the slashes is a name, neither empty nor a way up. */
static bool names_only(const char *path)
{
  for (size_t size; *path; path += size + (path[size] == '/')) {
    size = strcspn(path, "/");
    if (size == 0 || strncmp(path, "..", size) == 0)
      return false;
  }
  return true;
}

int sysctl_path(const char *name, char *path, size_t size)
{
  int length = snprintf(path, size, "/proc/sys/%s", name);
  if (length < 0 || (size_t)length >= size || name[0] == '\0')
    return -EINVAL;
  char *key = path + strlen("/proc/sys/");
  if (key[strcspn(key, "./")] == '.') {
    /* Dots separate; a slash is a dot inside a name, as in net.ipv4.conf.eth0/1.rp_filter. */
    for (char *at = key; *at; at++)
      *at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
  }
  return names_only(key) ? 0 : -EINVAL;
}

static int raise_lo(struct err *err)
{
  _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo"};
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
    return err_set(err, errno, "flags of lo");
  request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
  if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
    return err_set(err, errno, "raise lo");
  return 0;
}

static int write_sysctls(struct wire_reader *in, struct err *err)
{
  for (uint32_t count = wire_get_u32(in); count > 0 && !in->failed; count--) {
    const char *name = wire_get_str(in);
    const char *value = wire_get_str(in);
    char path[512];
    if (in->failed)
      break;
    if (sysctl_path(name, path, sizeof(path)) < 0)
      return err_set(err, EINVAL, "sysctl %s is no name", name);
    int failed = write_text(path, value);
    if (failed < 0)
      return err_set(err, -failed, "sysctl %s=%s", name, value);
  }
  return wire_done(in) ? 0 : err_set(err, EPROTO, "PIN is malformed");
}

static int unpin(const char *path, struct err *err)
{
  while (syscall(SYS_umount2, path, UNMOUNT_DETACH | UNMOUNT_NOFOLLOW) == 0)
    ;
  if (errno == ENOENT || errno == ENOTDIR)
    return 0;
  if (errno != EINVAL)
    return err_set(err, errno, "unmount the namespace %s", path);
  if (unlink(path) < 0 && errno != ENOENT)
    return err_set(err, errno, "unlink the namespace %s", path);
  return 0;
}

static int pin(const char *namespace, const char *path, struct err *err)
{
  _cleanup_fd_ int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PIN_MODE);
  if (fd < 0)
    return err_set(err, errno, "create the file %s for a namespace", path);
  _cleanup_fd_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, namespace, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree >= 0 && syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0)
    return 0;
  int failed = err_set(err, errno, "bind %s to %s", namespace, path);
  unlink(path);
  return failed;
}

struct pins {
  /* Where each kind goes; empty: none is made. */
  const char *paths[KINDS];
  /* Of the kinds, all but the user namespace, which is there before. */
  int flags;
  const char *hostname;
  /* What is left of the request: the sysctls. */
  struct wire_reader *sysctls;
  /* Owner of the others; -1: the host's. */
  int userns;
};

/* Pins all that is asked for, of the process, or nothing. */
static int pin_all(const struct pins *pins, pid_t pid, struct err *err)
{
  for (int i = 0; i < KINDS; i++) {
    char namespace[64];
    snprintf(namespace, sizeof(namespace), "/proc/%d/ns/%s", pid, kinds[i].file);
    int failed = pins->paths[i][0] ? pin(namespace, pins->paths[i], err) : 0;
    if (failed == 0)
      continue;
    while (--i >= 0) {
      /* The first failure is the one to tell; a pin that stays is found by its record. */
      if (pins->paths[i][0])
        unpin(pins->paths[i], NULL);
    }
    return failed;
  }
  return 0;
}

/* Makes the namespaces for this process, and what is in them. */
static int make_namespaces(const struct pins *pins, struct err *err)
{
  if (unshare(pins->flags) < 0)
    return err_set(err, errno, "create namespaces");
  if ((pins->flags & CLONE_NEWUTS) && pins->hostname[0] && sethostname(pins->hostname, strlen(pins->hostname)) < 0)
    return err_set(err, errno, "set the hostname %s", pins->hostname);
  int failed = pins->flags & CLONE_NEWNET ? raise_lo(err) : 0;
  return failed < 0 ? failed : write_sysctls(pins->sysctls, err);
}

/* As root of the user namespace: the kernel makes it the owner of what it makes, and asks for its root in sysctls. */
static int make_as_root_inside(void *arg, struct err *err)
{
  const struct pins *pins = arg;
  if (setns(pins->userns, CLONE_NEWUSER) < 0)
    return err_set(err, errno, "enter the user namespace");
  if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return err_set(err, errno, "become root of the user namespace");
  return make_namespaces(pins, err);
}

static int make_and_pin(struct pins *pins, struct err *err)
{
  if (pins->userns < 0) {
    int failed = make_namespaces(pins, err);
    return failed < 0 ? failed : pin_all(pins, getpid(), err);
  }
  /* Whoever is inside cannot attach mounts out here. */
  pid_t holder = holder_start(make_as_root_inside, pins, err);
  if (holder < 0)
    return holder;
  int failed = pin_all(pins, holder, err);
  holder_end(holder);
  return failed;
}

int call_pin(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  struct pins pins = {.sysctls = in, .userns = -1};
  for (int i = 0; i < KINDS; i++) {
    pins.paths[i] = wire_get_str(in);
    pins.flags |= pins.paths[i][0] ? kinds[i].flag : 0;
  }
  bool owned = pins.flags & CLONE_NEWUSER;
  pins.flags &= ~CLONE_NEWUSER;
  _cleanup_free_ struct idmap *idmap = idmap_decode(in, err);
  if (!idmap)
    return -err->code;
  pins.hostname = wire_get_str(in);
  if (in->failed || pins.flags == 0 || owned != (idmap->uids.count > 0 && idmap->gids.count > 0))
    return err_set(err, EPROTO, "PIN is malformed");
  _cleanup_fd_ int userns = owned ? idmap_open(idmap, err) : -1;
  if (owned && userns < 0)
    return userns;
  pins.userns = userns;
  return make_and_pin(&pins, err);
}

int call_unpin(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *path = wire_get_str(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "UNPIN is malformed");
  return unpin(path, err);
}
