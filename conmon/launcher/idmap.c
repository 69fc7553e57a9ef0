#include "launcher/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* "4294967295 4294967295 4294967295\n" */
enum { LINE = 34 };

static int decode_map(struct wire_reader *in, struct id_map *map, struct err *err)
{
  map->count = wire_get_u32(in);
  if (in->failed || map->count > ID_RANGES)
    return err_set(err, in->failed ? EPROTO : E2BIG, "an id map of %u ranges", map->count);
  for (uint32_t i = 0; i < map->count; i++) {
    map->ranges[i].inside = wire_get_u32(in);
    map->ranges[i].outside = wire_get_u32(in);
    map->ranges[i].size = wire_get_u32(in);
  }
  return in->failed ? err_set(err, EPROTO, "an id map is malformed") : 0;
}

int idmap_decode(struct wire_reader *in, struct idmap *map, struct err *err)
{
  int failed = decode_map(in, &map->uids, err);
  return failed < 0 ? failed : decode_map(in, &map->gids, err);
}

static int write_map(pid_t pid, const char *file, const struct id_map *map, struct err *err)
{
  char path[64];
  _cleanup_free_ char *text = malloc((size_t)map->count * LINE + 1);
  if (!text)
    return err_set(err, ENOMEM, "memory for %s", file);
  size_t used = 0;
  for (uint32_t i = 0; i < map->count; i++) {
    const struct id_range *range = &map->ranges[i];
    used += (size_t)snprintf(text + used, LINE + 1, "%u %u %u\n", range->inside, range->outside, range->size);
  }
  text[used] = '\0';
  snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
  int failed = write_text(path, text);
  return failed < 0 ? err_set(err, -failed, "write %s of a user namespace: %.80s", file, text) : 0;
}

/* A process in a new user namespace, which waits to be killed; `ready` says that it is there. */
static pid_t fork_holder(struct err *err)
{
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0)
    return err_set(err, errno, "pipe");
  _cleanup_fd_ int read_end = ready[0];
  _cleanup_fd_ int write_end = ready[1];
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0)
    return err_set(err, errno, "fork the holder of a user namespace");
  if (pid == 0) {
    int failed = proc_die_with(parent);
    if (failed == 0 && unshare(CLONE_NEWUSER) < 0)
      failed = -errno;
    if (write_full(write_end, &failed, sizeof(failed)) < 0 || failed < 0)
      _exit(1);
    for (;;)
      pause();
  }
  close_fd(&write_end);
  int failed = 0;
  if (read_full(read_end, &failed, sizeof(failed)) != (ssize_t)sizeof(failed))
    failed = -ECHILD;
  if (failed == 0)
    return pid;
  waitpid(pid, NULL, 0);
  return err_set(err, -failed, "make a user namespace");
}

int idmap_open(const struct idmap *map, struct err *err)
{
  pid_t holder = fork_holder(err);
  if (holder < 0)
    return holder;
  int failed = write_map(holder, "uid_map", &map->uids, err);
  if (failed == 0)
    failed = write_map(holder, "gid_map", &map->gids, err);
  int fd = -1;
  if (failed == 0) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", holder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    failed = fd < 0 ? err_set(err, errno, "open %s", path) : 0;
  }
  kill(holder, SIGKILL);
  while (waitpid(holder, NULL, 0) < 0 && errno == EINTR)
    ;
  return failed < 0 ? failed : fd;
}

int idmap_clone(const char *folder, int userns, struct err *err)
{
  _cleanup_fd_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0)
    return err_set(err, errno, "clone the mount of %s", folder);
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
    return err_set(err, errno, "idmap the mount of %s: its file system has to support that", folder);
  return steal_fd(&tree);
}
