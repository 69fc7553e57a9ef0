#include "launcher/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/holder.h"
#include "lib/io.h"
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

struct idmap *idmap_decode(struct wire_reader *in, struct err *err)
{
  _cleanup_free_ struct idmap *map = calloc(1, sizeof(*map));
  if (!map) {
    err_set(err, ENOMEM, "memory for the id maps");
    return NULL;
  }
  if (decode_map(in, &map->uids, err) < 0 || decode_map(in, &map->gids, err) < 0)
    return NULL;
  struct idmap *decoded = map;
  map = NULL;
  return decoded;
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
  if (failed < 0)
    return err_set(err, -failed, "write %s of a user namespace: %.*s", file, (int)strcspn(text, "\n"), text);
  return 0;
}

static int new_userns(void *arg, struct err *err)
{
  (void)arg;
  return unshare(CLONE_NEWUSER) < 0 ? err_set(err, errno, "make a user namespace") : 0;
}

int idmap_open(const struct idmap *map, struct err *err)
{
  pid_t holder = holder_start(new_userns, NULL, err);
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
  holder_end(holder);
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
