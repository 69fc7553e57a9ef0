#include "unpack/layer.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int layer_needs_parents(struct layer *layer, const char *path, const char *reason, struct err *err)
{
  if (layer->merged)
    return err_set(err, EBADMSG, "%.200s: %s", path, reason);
  layer->needs_parents = true;
  layer->needs_reason = reason;
  snprintf(layer->needs_path, sizeof(layer->needs_path), "%s", path);
  return STEP_NEEDS_PARENTS;
}

int layer_count_inode(struct layer *layer, struct err *err)
{
  layer->inodes++;
  if (layer->inodes > layer->limits->entries)
    return limits_exceed(layer->limits, "entries", layer->limits->entries, "the layer makes too many files", err);
  return 0;
}

int layer_unmark_implied(int parent, const char *name, struct err *err)
{
  if (fchdir(parent) < 0 || (lremovexattr(name, IMPLIED_XATTR) < 0 && errno != ENODATA))
    return err_set(err, errno, "unmark the parent %.200s", name);
  return 0;
}
