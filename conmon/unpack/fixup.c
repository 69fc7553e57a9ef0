#include "unpack/fixup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/layer.h"
#include "unpack/tree.h"

/* The largest list and value of attributes that Linux has (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
#define XATTR_MAX 65536

/* Attributes come through /proc: descriptors of O_PATH, which opens without touching, have no fgetxattr. */
struct proc_path {
  char text[32];
};

static struct proc_path proc_path(int fd)
{
  struct proc_path path;
  snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
  return path;
}

static int copy_xattrs(const char *from, const char *to, const char *path, struct err *err)
{
  _cleanup_free_ char *names = malloc(XATTR_MAX);
  _cleanup_free_ char *value = malloc(XATTR_MAX);
  if (!names || !value)
    return err_set(err, ENOMEM, "get memory for attributes");
  ssize_t size = listxattr(from, names, XATTR_MAX);
  if (size < 0 && errno != ENOTSUP)
    return err_set(err, errno, "list the attributes below %.200s", path);
  for (char *name = names; name < names + (size > 0 ? size : 0); name += strlen(name) + 1) {
    if (strncmp(name, "trusted.", 8) == 0 || strcmp(name, "security.selinux") == 0)
      continue;
    ssize_t length = getxattr(from, name, value, XATTR_MAX);
    if (length < 0 || (setxattr(to, name, value, (size_t)length, 0) < 0 && errno != ENOTSUP))
      return err_set(err, errno, "copy the attribute %.100s to %.200s", name, path);
  }
  return 0;
}

int copy_metadata(int from, int to, const char *path, struct err *err)
{
  struct stat st;
  if (fstat(from, &st) < 0)
    return err_set(err, errno, "look below %.200s", path);
  struct proc_path source = proc_path(from), target = proc_path(to);
  if (fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
    return err_set(err, errno, "set the owner of %.200s", path);
  int result = copy_xattrs(source.text, target.text, path, err);
  if (result < 0)
    return result;
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  if (chmod(target.text, st.st_mode & 07777) < 0 || utimensat(AT_FDCWD, target.text, times, 0) < 0)
    return err_set(err, errno, "set the mode and times of %.200s", path);
  return 0;
}

/* The path of an opened folder below the layer's root, with the links on the way resolved. */
static int real_path(int root, int fd, char out[PATH_MAX], struct err *err)
{
  char base[PATH_MAX], full[PATH_MAX];
  struct proc_path root_link = proc_path(root), link = proc_path(fd);
  ssize_t base_size = readlink(root_link.text, base, sizeof(base));
  ssize_t full_size = readlink(link.text, full, sizeof(full) - 1);
  if (base_size < 0 || full_size < 0)
    return err_set(err, errno, "find the name of a parent");
  if ((size_t)full_size >= sizeof(full) - 1)
    return err_set(err, ENAMETOOLONG, "find the name of a parent");
  full[full_size] = '\0';
  if (full_size <= base_size || memcmp(base, full, (size_t)base_size) != 0 || full[base_size] != '/')
    return err_set(err, EBADMSG, "a parent is not inside of the layer");
  memcpy(out, full + base_size + 1, (size_t)(full_size - base_size));
  return 0;
}

/* Whether one of the folders above the path hides what is below it. */
static bool is_hidden(int root, const char *path)
{
  for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    char prefix[PATH_MAX], mark;
    memcpy(prefix, path, (size_t)(slash - path));
    prefix[slash - path] = '\0';
    _cleanup_fd_ int fd = open_in_root(root, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
    struct proc_path link = proc_path(fd);
    if (fd >= 0 && getxattr(link.text, OPAQUE_XATTR, &mark, 1) == 1 && mark == 'y')
      return true;
  }
  return false;
}

/* Takes over what the layers below have under this name. */
static int inherit(struct fixup *fixup, int dir, const char *path, struct err *err)
{
  if (fixup->below < 0 || is_hidden(fixup->layer, path))
    return 0;
  _cleanup_fd_ int below = open_in_root(fixup->below, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
  if (below == -ENOENT || below == -ENOTDIR)
    return 0;
  struct stat st;
  if (below == -ELOOP || (below >= 0 && fstat(below, &st) == 0 && S_ISLNK(st.st_mode))) {
    fixup->needs_parents = true;
    snprintf(fixup->needs_path, sizeof(fixup->needs_path), "%s", path);
    return 0;
  }
  if (below < 0)
    return err_set(err, -below, "look below %.200s", path);
  return S_ISDIR(st.st_mode) ? copy_metadata(below, dir, path, err) : 0;
}

static int fix_one(struct fixup *fixup, const char *listed, struct err *err)
{
  _cleanup_fd_ int dir = open_in_root(fixup->layer, listed, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  // The rest of the archive may have put something else there.
  if (dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP)
    return 0;
  if (dir < 0)
    return err_set(err, -dir, "open %.200s", listed);
  struct proc_path link = proc_path(dir);
  char mark, path[PATH_MAX];
  if (getxattr(link.text, IMPLIED_XATTR, &mark, 1) < 0)
    return errno == ENODATA ? 0 : err_set(err, errno, "look for the mark of %.200s", listed);
  int result = real_path(fixup->layer, dir, path, err);
  if (result == 0)
    result = inherit(fixup, dir, path, err);
  if (result < 0)
    return result;
  return removexattr(link.text, IMPLIED_XATTR) < 0 ? err_set(err, errno, "unmark %.200s", path) : 0;
}

int fixup_parents(struct fixup *fixup, struct err *err)
{
  _cleanup_free_ char *path = NULL;
  size_t capacity = 0;
  while (!fixup->needs_parents && getdelim(&path, &capacity, '\0', fixup->list) > 0) {
    int result = fix_one(fixup, path, err);
    if (result < 0)
      return result;
  }
  return ferror(fixup->list) ? err_set(err, EIO, "read the list of implied parents") : 0;
}
