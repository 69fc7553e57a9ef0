#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/scope.h"

/* A tree may be deeper than a process may have open files: below this, a folder is moved up to the top first. */
enum { MAX_DEPTH = 64 };

struct removal {
  const char *path;
  /* The folder at the top of the tree. */
  int top;
  uint64_t mount;
  unsigned int moved;
};

static int mount_of(int fd, uint64_t *mount)
{
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) < 0)
    return -errno;
  *mount = status.stx_mnt_id;
  return 0;
}

static int empty_folder(struct removal *r, int fd, int depth, struct err *err);

static int move_to_top(struct removal *r, int folder, const char *name, struct err *err)
{
  char moved[32];
  do
    snprintf(moved, sizeof(moved), ".removed-%u", r->moved++);
  while (renameat2(folder, name, r->top, moved, RENAME_NOREPLACE) < 0 && errno == EEXIST);
  if (faccessat(r->top, moved, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "move %s to the top of %s", name, r->path);
  return 0;
}

static int remove_folder(struct removal *r, int folder, const char *name, int depth, struct err *err)
{
  if (unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
    return 0;
  if (errno != ENOTEMPTY && errno != EEXIST)
    return err_set(err, errno, "remove %s in %s", name, r->path);
  if (depth >= MAX_DEPTH)
    return move_to_top(r, folder, name, err);
  _cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return err_set(err, errno, "open %s in %s", name, r->path);
  uint64_t mount;
  int failed = mount_of(fd, &mount);
  if (failed == 0 && mount != r->mount)
    return err_set(err, EBUSY, "%s in %s is a mount point", name, r->path);
  if (failed < 0)
    return err_set(err, -failed, "statx %s in %s", name, r->path);
  failed = empty_folder(r, fd, depth + 1, err);
  if (failed < 0)
    return failed;
  if (unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    return err_set(err, errno, "remove %s in %s", name, r->path);
  return 0;
}

static int remove_entry(struct removal *r, int folder, const struct dirent *entry, int depth, struct err *err)
{
  if (entry->d_type != DT_DIR) {
    if (unlinkat(folder, entry->d_name, 0) == 0 || errno == ENOENT)
      return 0;
    /* A file system that does not tell types says EISDIR here. */
    if (errno != EISDIR)
      return err_set(err, errno, "remove %s in %s", entry->d_name, r->path);
  }
  return remove_folder(r, folder, entry->d_name, depth, err);
}

/* Entries removed while a folder is read may hide others: passes, until one finds nothing. */
static int empty_folder(struct removal *r, int fd, int depth, struct err *err)
{
  int copy = dup(fd);
  _cleanup_dir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  if (!dir) {
    int code = errno;
    close_fd(&copy);
    return err_set(err, code, "read a folder in %s", r->path);
  }
  fcntl(copy, F_SETFD, FD_CLOEXEC);
  for (bool found = true; found;) {
    found = false;
    rewinddir(dir);
    for (;;) {
      errno = 0;
      const struct dirent *entry = readdir(dir);
      if (!entry && errno != 0)
        return err_set(err, errno, "read a folder in %s", r->path);
      if (!entry)
        break;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        continue;
      found = true;
      int failed = remove_entry(r, fd, entry, depth, err);
      if (failed < 0)
        return failed;
    }
  }
  return 0;
}

static int remove_tree(const char *path, struct err *err)
{
  /* A link, a file or an empty folder goes at once; the parents of the path are the caller's own. */
  if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
    return 0;
  if (errno != EISDIR)
    return err_set(err, errno, "remove %s", path);
  if (rmdir(path) == 0 || errno == ENOENT)
    return 0;
  if (errno != ENOTEMPTY && errno != EEXIST)
    return err_set(err, errno, "remove %s", path);
  _cleanup_fd_ int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (top < 0)
    return errno == ENOENT ? 0 : err_set(err, errno, "open %s", path);
  struct removal removal = {.path = path, .top = top};
  int failed = mount_of(top, &removal.mount);
  if (failed < 0)
    return err_set(err, -failed, "statx %s", path);
  failed = empty_folder(&removal, top, 0, err);
  if (failed < 0)
    return failed;
  return rmdir(path) == 0 || errno == ENOENT ? 0 : err_set(err, errno, "remove %s", path);
}

int call_remove_tree(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *path = wire_get_str(in);
  if (!wire_done(in) || path[0] != '/')
    return err_set(err, EPROTO, "REMOVE_TREE is malformed");
  return remove_tree(path, err);
}

int call_syncfs(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *path = wire_get_str(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "SYNCFS is malformed");
  _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return err_set(err, errno, "open %s", path);
  return syncfs(fd) < 0 ? err_set(err, errno, "syncfs %s", path) : 0;
}
