#include "unpack/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/meta.h"
#include "unpack/path.h"

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

int open_in_root(int root, const char *path, int flags, uint64_t resolve)
{
  struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};
  int fd;
  // EAGAIN: a rename anywhere on the machine made the kernel unsure of a "..".
  do
    fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
  while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return fd < 0 ? -errno : fd;
}

static void remember(struct layer *layer, int fd, const char *path)
{
  close_fd(&layer->dir);
  layer->dir = fd;
  layer->dir_stale = false;
  snprintf(layer->dir_path, sizeof(layer->dir_path), "%s", path);
}

/* Makes one missing parent. A whiteout or file of this layer in its place gives way: then nothing below shows through. */
static int make_implied(struct layer *layer, int parent, const char *path, struct err *err)
{
  const char *name = path_base(path);
  char parent_path[PATH_MAX];
  path_parent(path, parent_path);
  int result = layer->merged ? meta_keep_times(layer, parent, parent_path, err) : 0;
  if (result < 0)
    return result;
  bool replaces = false;
  struct stat st;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(st.st_mode))
      return layer_needs_parents(layer, path, "this parent is a link that leads to no folder", err);
    if (unlinkat(parent, name, 0) < 0)
      return err_set(err, errno, "replace %.200s", path);
    layer->dir_stale = true;
    replaces = true;
  }
  if (mkdirat(parent, name, 0755) < 0)
    return err_set(err, errno, "make the parent %.200s", path);
  result = meta_note_unnamed(layer, parent, name, path, err);
  if (result == 0)
    result = layer_count_inode(layer, err);
  if (result < 0 || layer->merged)
    return result;
  layer->bytes += 4096;
  const char *xattr = replaces ? OPAQUE_XATTR : IMPLIED_XATTR;
  if (fchdir(parent) < 0 || lsetxattr(name, xattr, "y", 1, 0) < 0)
    return err_set(err, errno, "mark the parent %.200s", path);
  if (replaces)
    return 0;
  layer->implied++;
  if (fwrite(path, 1, strlen(path) + 1, layer->implied_list) != strlen(path) + 1)
    return err_set(err, errno, "write the list of implied parents");
  return 0;
}

/* One step down. A link starts at the root again, since it may lead anywhere in it. */
static int open_step(const struct layer *layer, int parent, const char *prefix)
{
  int fd = openat(parent, path_base(prefix), DIR_FLAGS | O_NOFOLLOW);
  if (fd >= 0 || errno != ENOTDIR)
    return fd < 0 ? -errno : fd;
  return open_in_root(layer->root, prefix, DIR_FLAGS, 0);
}

/* Walks down from the root and makes what is missing. */
static int make_missing(struct layer *layer, const char *path, int *found, struct err *err)
{
  _cleanup_fd_ int parent = open_in_root(layer->root, "", DIR_FLAGS, 0);
  if (parent < 0)
    return err_set(err, -parent, "open the layer's root");
  for (const char *end = path; *end != '\0';) {
    char prefix[PATH_MAX];
    end += *end == '/';
    end += strcspn(end, "/");
    memcpy(prefix, path, (size_t)(end - path));
    prefix[end - path] = '\0';
    int fd = open_step(layer, parent, prefix);
    if (fd == -ENOENT || fd == -ENOTDIR) {
      int result = make_implied(layer, parent, prefix, err);
      if (result != STEP_DONE)
        return result;
      fd = open_step(layer, parent, prefix);
    }
    if (fd < 0)
      return err_set(err, -fd, "open %.200s", prefix);
    close_fd(&parent);
    parent = fd;
  }
  *found = steal_fd(&parent);
  return STEP_DONE;
}

int tree_make_dir(struct layer *layer, const char *path, int *fd, struct err *err)
{
  if (layer->dir < 0 || layer->dir_stale || strcmp(path, layer->dir_path) != 0) {
    int found = open_in_root(layer->root, path, DIR_FLAGS, 0);
    if (found == -ENOENT || found == -ENOTDIR) {
      int result = make_missing(layer, path, &found, err);
      if (result != STEP_DONE)
        return result;
    }
    if (found < 0)
      return err_set(err, -found, "open the folder %.200s", path);
    remember(layer, found, path);
    int result = layer->merged ? meta_keep_times(layer, found, path, err) : 0;
    if (result < 0)
      return result;
  }
  *fd = layer->dir;
  return STEP_DONE;
}

int tree_make_parent(struct layer *layer, const char *path, int *fd, struct err *err)
{
  char parent[PATH_MAX];
  path_parent(path, parent);
  return tree_make_dir(layer, parent, fd, err);
}

/* Removes entries of the folder until one is a folder that is not empty; gives that one opened, or -1 if none is left. */
static int remove_until_dir(int dir, int *child, struct err *err)
{
  _cleanup_fd_ int list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  _cleanup_dir_ DIR *stream = list < 0 ? NULL : fdopendir(list);
  if (!stream)
    return err_set(err, errno, "list a folder");
  steal_fd(&list);
  *child = -1;
  for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    if (unlinkat(dir, entry->d_name, 0) == 0 || errno == ENOENT)
      continue;
    if (errno == EISDIR && unlinkat(dir, entry->d_name, AT_REMOVEDIR) == 0)
      continue;
    if (errno != ENOTEMPTY)
      return err_set(err, errno, "remove %.200s", entry->d_name);
    *child = openat(dir, entry->d_name, DIR_FLAGS | O_NOFOLLOW);
    return *child < 0 ? err_set(err, errno, "open %.200s", entry->d_name) : 0;
  }
  return 0;
}

/* Goes down into folders and up again by "..", which leads back since nothing else works in this tree. */
int tree_empty(struct layer *layer, int dir, struct err *err)
{
  layer->dir_stale = true;
  _cleanup_fd_ int at = openat(dir, ".", DIR_FLAGS);
  if (at < 0)
    return err_set(err, errno, "open a folder to empty it");
  for (size_t depth = 0;;) {
    int child = -1;
    int result = remove_until_dir(at, &child, err);
    if (result < 0)
      return result;
    if (child < 0 && depth == 0)
      return 0;
    depth = child >= 0 ? depth + 1 : depth - 1;
    int next = child >= 0 ? child : openat(at, "..", DIR_FLAGS);
    if (next < 0)
      return err_set(err, errno, "go up from an emptied folder");
    close_fd(&at);
    at = next;
  }
}

int tree_remove(struct layer *layer, int parent, const char *name, struct err *err)
{
  layer->dir_stale = true;
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR)
    return err_set(err, errno, "remove %.200s", name);
  _cleanup_fd_ int dir = openat(parent, name, DIR_FLAGS | O_NOFOLLOW);
  if (dir < 0)
    return err_set(err, errno, "open %.200s", name);
  int result = tree_empty(layer, dir, err);
  if (result < 0)
    return result;
  return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? err_set(err, errno, "remove %.200s", name) : 0;
}
