#include "unpack/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/file.h"
#include "unpack/meta.h"
#include "unpack/path.h"
#include "unpack/tree.h"
#include "unpack/whiteout.h"

/* A node is being made under a name of a folder. */
struct place {
  struct layer *layer;
  int parent;
  const char *name;
  const char *path;
};

/* Removes what is in the way. Whether a folder that comes there must hide what is below: something else was here. */
static int make_room(const struct place *place, bool *opaque, struct err *err)
{
  struct stat st;
  if (fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "look at %.200s", place->path);
  *opaque = !place->layer->merged && !S_ISDIR(st.st_mode);
  return tree_remove(place->layer, place->parent, place->name, err);
}

static int make_dir(const struct place *place, struct err *err)
{
  struct stat st;
  bool opaque = false;
  if (mkdirat(place->parent, place->name, 0700) < 0) {
    if (errno != EEXIST)
      return err_set(err, errno, "make the folder %.200s", place->path);
    if (fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
      return place->layer->merged ? 0 : layer_unmark_implied(place->parent, place->name, err);
    int result = make_room(place, &opaque, err);
    if (result < 0)
      return result;
    if (mkdirat(place->parent, place->name, 0700) < 0)
      return err_set(err, errno, "make the folder %.200s", place->path);
  }
  place->layer->bytes += 4096;
  int result = layer_count_inode(place->layer, err);
  return result < 0 || !opaque ? result : whiteout_mark_opaque(place->parent, place->name, err);
}

/* The first attempt; -EEXIST if something is in the way. Regular files give their descriptor. */
static int create_node(const struct place *place, struct archive_entry *entry, int *fd)
{
  mode_t type = archive_entry_filetype(entry);
  int result = 0;
  if (type == S_IFREG)
    result = *fd = openat(place->parent, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                          archive_entry_perm(entry) & 0777);
  else if (type == S_IFLNK)
    result = symlinkat(archive_entry_symlink(entry) ? archive_entry_symlink(entry) : "", place->parent, place->name);
  else
    result = mknodat(place->parent, place->name, type | 0600, type == S_IFIFO ? 0 : archive_entry_rdev(entry));
  return result < 0 ? -errno : 0;
}

static int make_node(const struct place *place, struct archive *archive, struct archive_entry *entry, struct err *err)
{
  _cleanup_fd_ int fd = -1;
  int result = create_node(place, entry, &fd);
  if (result == -EEXIST) {
    bool opaque;
    result = make_room(place, &opaque, err);
    if (result < 0)
      return result;
    result = create_node(place, entry, &fd);
  }
  if (result < 0)
    return err_set(err, -result, "make %.200s", place->path);
  result = layer_count_inode(place->layer, err);
  if (result < 0)
    return result;
  if (fd < 0)
    return meta_apply(place->layer, place->parent, place->name, place->path, entry, err);
  result = file_write(place->layer, fd, place->path, archive, entry, err);
  return result < 0 ? result : meta_apply_file(fd, place->path, entry, err);
}

/* A link's target is looked for in this layer; over its mounted parents, in all of them. */
static int make_hardlink(const struct place *place, struct archive_entry *entry, struct err *err)
{
  struct layer *layer = place->layer;
  const char *raw = archive_entry_hardlink(entry);
  char target[PATH_MAX], target_parent[PATH_MAX];
  int result = path_clean(raw, layer->limits->path, target);
  if (result < 0)
    return err_set(err, EBADMSG, "the hard link %.200s leads out of the layer: %.200s", place->path, raw);
  if (strcmp(target, place->path) == 0)
    return 0;
  path_parent(target, target_parent);
  _cleanup_fd_ int from = open_in_root(layer->root, target_parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  struct stat st;
  bool found = from >= 0 && fstatat(from, path_base(target), &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (!found || (S_ISCHR(st.st_mode) && st.st_rdev == 0))
    return layer_needs_parents(layer, place->path, "the target of this hard link is not there", err);
  if (S_ISDIR(st.st_mode))
    return err_set(err, EBADMSG, "the target of the hard link %.200s is a folder", place->path);
  // The two names may be one file already, then it stays: removing the one to make room could remove it.
  struct stat there;
  if (fstatat(place->parent, place->name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (there.st_dev == st.st_dev && there.st_ino == st.st_ino)
      return 0;
    result = tree_remove(layer, place->parent, place->name, err);
    if (result < 0)
      return result;
  }
  if (linkat(from, path_base(target), place->parent, place->name, 0) < 0)
    return err_set(err, errno, "link %.200s to %.200s", place->path, target);
  return 0;
}

static int apply_plain(struct layer *layer, const char *path, struct archive *archive, struct archive_entry *entry,
                       struct err *err)
{
  mode_t type = archive_entry_filetype(entry);
  bool is_link = archive_entry_hardlink(entry) != NULL;
  if (*path == '\0') {
    if (is_link || type != S_IFDIR)
      return err_set(err, EBADMSG, "an entry that is no folder names the root");
    layer->root_named = true;
    return meta_apply(layer, layer->root, ".", path, entry, err);
  }
  struct place place = {.layer = layer, .name = path_base(path), .path = path};
  int result = tree_make_parent(layer, path, &place.parent, err);
  if (result != STEP_DONE)
    return result;
  if (is_link)
    return make_hardlink(&place, entry, err);
  if (type == S_IFREG || type == S_IFLNK || type == S_IFCHR || type == S_IFBLK || type == S_IFIFO)
    return make_node(&place, archive, entry, err);
  if (type != S_IFDIR)
    return err_set(err, EBADMSG, "%.200s is of a type that layers cannot hold", path);
  result = make_dir(&place, err);
  return result < 0 ? result : meta_apply(layer, place.parent, place.name, path, entry, err);
}

/* Archives of unpacked layers hold overlayfs's own whiteouts as nodes: they mean the same. */
static bool is_whiteout_node(struct archive_entry *entry)
{
  return !archive_entry_hardlink(entry) && archive_entry_filetype(entry) == S_IFCHR && archive_entry_rdev(entry) == 0;
}

static int apply_whiteout(struct layer *layer, enum name_kind kind, const char *path, struct err *err)
{
  char hidden[PATH_MAX];
  path_parent(path, hidden);
  if (kind == NAME_OPAQUE)
    return whiteout_dir(layer, hidden, err);
  // The name that is hidden is shorter than the whiteout's: it fits.
  size_t size = strlen(hidden);
  snprintf(hidden + size, sizeof(hidden) - size, "%s%s", size > 0 ? "/" : "", path_hidden(path));
  return whiteout_path(layer, hidden, err);
}

int entry_apply(struct layer *layer, struct archive *archive, struct archive_entry *entry, enum pass pass,
                struct err *err)
{
  char path[PATH_MAX];
  const char *raw = archive_entry_pathname(entry);
  if (!raw)
    return err_set(err, EBADMSG, "an entry has no name that can be read");
  snprintf(layer->entry, sizeof(layer->entry), "%s", raw);
  if (++layer->entries > layer->limits->entries)
    return limits_exceed(layer->limits, "entries", layer->limits->entries, "the layer has too many entries", err);
  int result = path_clean(raw, layer->limits->path, path);
  if (result == -ENAMETOOLONG)
    return err_set(err, EBADMSG, "the name %.100s... is longer than %" PRIu64 " bytes", raw, layer->limits->path);
  if (result < 0)
    return err_set(err, EBADMSG, "the name %.200s leads out of the layer", raw);
  enum name_kind kind = path_kind(path);
  if (kind == NAME_INVALID)
    return err_set(err, EBADMSG, "the whiteout %.200s names no file", raw);
  if (kind == NAME_SKIPPED)
    return STEP_DONE;
  bool node = kind == NAME_PLAIN && *path && is_whiteout_node(entry);
  if (pass == ((node || kind != NAME_PLAIN) ? PASS_OTHERS : PASS_WHITEOUTS))
    return STEP_DONE;
  if (node)
    return whiteout_path(layer, path, err);
  return kind == NAME_PLAIN ? apply_plain(layer, path, archive, entry, err) : apply_whiteout(layer, kind, path, err);
}
