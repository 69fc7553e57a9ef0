#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/inside.h"
#include "launcher/launcher.h"
#include "lib/io.h"
#include "lib/scope.h"

enum { PARENT_MODE = 0755 };

/* A file to read; opened by path only first, because opening a device or a pipe has effects of its own. */
static int open_regular(int root, const char *root_path, const char *path, struct err *err)
{
  _cleanup_fd_ int found = open_inside(root, path, O_PATH);
  if (found < 0)
    return err_set(err, -found, "open %s in %s", path, root_path);
  struct stat status;
  if (fstat(found, &status) < 0)
    return err_set(err, errno, "stat %s in %s", path, root_path);
  if (!S_ISREG(status.st_mode))
    return err_set(err, S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "%s in %s is no regular file", path, root_path);
  char self[64];
  snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
  int fd = open(self, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? err_set(err, errno, "open %s in %s", path, root_path) : fd;
}

int call_read_in_root(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  const char *root_path = wire_get_str(in);
  const char *path = wire_get_str(in);
  uint32_t max = wire_get_u32(in);
  if (!wire_done(in) || max > MAX_FILE)
    return err_set(err, EPROTO, "READ_IN_ROOT is malformed");
  _cleanup_fd_ int root = open_root(root_path, err);
  if (root < 0)
    return root;
  _cleanup_fd_ int fd = open_regular(root, root_path, path, err);
  if (fd == -ENOENT || fd == -ENOTDIR) {
    wire_put_u8(out, 0);
    wire_put_bytes(out, "", 0);
    return 0;
  }
  if (fd < 0)
    return fd;
  _cleanup_free_ char *content = malloc((size_t)max + 1);
  if (!content)
    return err_set(err, ENOMEM, "memory for %s", path);
  ssize_t size = read_full(fd, content, (size_t)max + 1);
  if (size < 0)
    return err_set(err, (int)-size, "read %s in %s", path, root_path);
  if ((size_t)size > max)
    return err_set(err, EFBIG, "%s in %s is larger than %u bytes", path, root_path, max);
  wire_put_u8(out, 1);
  wire_put_bytes(out, content, (size_t)size);
  return 0;
}

struct owner {
  mode_t mode;
  uid_t uid;
  gid_t gid;
};

/* Makes the last part of `path` in its parent, which is there; 0 as well if somebody else has just made it. */
static int make_folder(int root, const char *path, const struct owner *owner, struct err *err)
{
  _cleanup_free_ char *parent = strdup(path);
  if (!parent)
    return err_set(err, ENOMEM, "memory for %s", path);
  char *slash = strrchr(parent, '/');
  const char *name = slash ? slash + 1 : path;
  if (slash)
    *slash = '\0';
  _cleanup_fd_ int folder = open_inside(root, slash && parent[0] ? parent : "/", O_PATH | O_DIRECTORY);
  if (folder < 0)
    return err_set(err, -folder, "open the folder of %s", path);
  if (mkdirat(folder, name, owner->mode) < 0)
    return errno == EEXIST ? 0 : err_set(err, errno, "make %s", path);
  _cleanup_fd_ int made = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (made < 0 || fchown(made, owner->uid, owner->gid) < 0 || fchmod(made, owner->mode) < 0)
    return err_set(err, errno, "set owner and mode of %s", path);
  return 0;
}

/* Makes sure that the folder is there; its parents are. */
static int ensure_folder(int root, const char *path, const struct owner *owner, struct err *err)
{
  _cleanup_fd_ int found = open_inside(root, path, O_PATH | O_DIRECTORY);
  if (found >= 0)
    return 0;
  if (found != -ENOENT)
    return err_set(err, -found, "open %s", path);
  int failed = make_folder(root, path, owner, err);
  if (failed < 0)
    return failed;
  /* A link that leads nowhere is in the way: made through it, the folder would be where nobody asked for it. */
  _cleanup_fd_ int made = open_inside(root, path, O_PATH | O_DIRECTORY);
  return made < 0 ? err_set(err, -made, "%s is a link that leads nowhere", path) : 0;
}

int call_mkdir_in_root(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *root_path = wire_get_str(in);
  const char *wanted = wire_get_str(in);
  struct owner last = {.mode = wire_get_u32(in) & 07777};
  last.uid = wire_get_u32(in);
  last.gid = wire_get_u32(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "MKDIR_IN_ROOT is malformed");
  _cleanup_fd_ int root = open_root(root_path, err);
  if (root < 0)
    return root;
  _cleanup_free_ char *path = strdup(wanted);
  if (!path)
    return err_set(err, ENOMEM, "memory for %s", wanted);
  for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
    path[end - 1] = '\0';
  const struct owner parent = {.mode = PARENT_MODE, .uid = last.uid, .gid = last.gid};
  for (char *at = path + strspn(path, "/"); (at = strchr(at, '/')); at++) {
    *at = '\0';
    int failed = ensure_folder(root, path, &parent, err);
    if (failed < 0)
      return failed;
    *at = '/';
  }
  return ensure_folder(root, path, &last, err);
}
