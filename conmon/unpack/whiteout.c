#include "unpack/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/meta.h"
#include "unpack/path.h"
#include "unpack/tree.h"

int whiteout_mark_opaque(int parent, const char *name, struct err *err)
{
  if (fchdir(parent) < 0 || lsetxattr(name, OPAQUE_XATTR, "y", 1, 0) < 0)
    return err_set(err, errno, "make %.200s opaque", name);
  return 0;
}

/* Over the mounted parents, whiteouts are applied before anything is made: what they remove is from below. */
static int remove_merged(struct layer *layer, const char *path, struct err *err)
{
  char parent_path[PATH_MAX];
  path_parent(path, parent_path);
  _cleanup_fd_ int parent = open_in_root(layer->root, parent_path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (parent == -ENOENT || parent == -ENOTDIR)
    return 0;
  if (parent < 0)
    return err_set(err, -parent, "open %.200s", parent_path);
  int result = meta_keep_times(layer, parent, parent_path, err);
  if (result < 0)
    return result;
  return tree_remove(layer, parent, path_base(path), err);
}

int whiteout_path(struct layer *layer, const char *path, struct err *err)
{
  if (layer->merged)
    return remove_merged(layer, path, err);
  int parent;
  int result = tree_make_parent(layer, path, &parent, err);
  if (result != STEP_DONE)
    return result;
  const char *name = path_base(path);
  if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) == 0)
    return layer_count_inode(layer, err);
  if (errno != EEXIST)
    return err_set(err, errno, "make the whiteout of %.200s", path);
  struct stat st;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "look at %.200s", path);
  if (!S_ISDIR(st.st_mode))
    return 0;
  // Nothing is below it any more whose owner and mode an implied folder could take.
  result = whiteout_mark_opaque(parent, name, err);
  return result < 0 ? result : layer_unmark_implied(parent, name, err);
}

int whiteout_dir(struct layer *layer, const char *path, struct err *err)
{
  if (layer->merged) {
    _cleanup_fd_ int dir = open_in_root(layer->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir == -ENOENT || dir == -ENOTDIR)
      return 0;
    int result = dir < 0 ? err_set(err, -dir, "open %.200s", path) : meta_keep_times(layer, dir, path, err);
    return result < 0 ? result : tree_empty(layer, dir, err);
  }
  // overlayfs does not look for the mark on the roots that it is given.
  if (*path == '\0')
    return layer_needs_parents(layer, ".", "the whole root is opaque", err);
  int dir;
  int result = tree_make_dir(layer, path, &dir, err);
  return result != STEP_DONE ? result : whiteout_mark_opaque(dir, ".", err);
}
