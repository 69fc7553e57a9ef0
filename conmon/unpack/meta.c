#include "unpack/meta.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/tree.h"

/* Half a block of the smallest that file systems mostly have. */
#define LARGE_VALUE 2048

/* What is written to dir_times before each path. */
struct noted_times {
  struct timespec times[2];
  /* Which folder it is: its path may lead to another one by the end, through a link that was made since. */
  dev_t dev;
  ino_t ino;
  size_t path_size;
};

/* trusted.* and overlay's own would let an archive lie about the layers below; labels are the host's business. */
static bool is_wanted(const char *name)
{
  return strncmp(name, "trusted.", 8) != 0 && strncmp(name, "user.overlay.", 13) != 0 &&
         !strstr(name, ".overlay.") && strcmp(name, "security.selinux") != 0;
}

/* user.* exists on files and folders only; elsewhere the kernel answers EPERM, and there is nothing to keep. */
static bool is_ignorable(const char *name, int error, mode_t type)
{
  return error == ENOTSUP ||
         (error == EPERM && strncmp(name, "user.", 5) == 0 && type != S_IFREG && type != S_IFDIR);
}

/* What an entry's metadata is set on: an open file, or (fd is -1) the name of the folder that this process is in. */
struct target {
  int fd;
  const char *name;
  const char *path;
};

static int set_xattr(const struct target *target, const char *key, const void *value, size_t size)
{
  return target->fd >= 0 ? fsetxattr(target->fd, key, value, size, 0) : lsetxattr(target->name, key, value, size, 0);
}

static int apply_xattrs(const struct target *target, struct archive_entry *entry, struct err *err)
{
  const char *key;
  const void *value;
  size_t size;
  while (archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK) {
    if (!key || !is_wanted(key) || set_xattr(target, key, value, size) == 0 ||
        is_ignorable(key, errno, archive_entry_filetype(entry)))
      continue;
    // ext4 says that there is no space where a value does not fit its block, however empty the disk is.
    if (errno == ENOSPC && size > LARGE_VALUE)
      return err_set(err, EBADMSG, "the attribute %.100s of %.200s is too large for the file system", key, target->path);
    return err_set(err, errno, "set the attribute %.100s of %.200s", key, target->path);
  }
  return 0;
}

/* The kernel gives some values beyond a second a meaning of their own (UTIME_NOW, UTIME_OMIT). */
static long nanoseconds_of(long value)
{
  return value >= 0 && value < 1000000000 ? value : 0;
}

/* atime and mtime, as utimensat takes them; archives mostly have the latter only. */
static void times_of(struct archive_entry *entry, struct timespec times[2])
{
  bool has_atime = archive_entry_atime_is_set(entry);
  times[0].tv_sec = has_atime ? archive_entry_atime(entry) : archive_entry_mtime(entry);
  times[0].tv_nsec = nanoseconds_of(has_atime ? archive_entry_atime_nsec(entry) : archive_entry_mtime_nsec(entry));
  times[1].tv_sec = archive_entry_mtime(entry);
  times[1].tv_nsec = nanoseconds_of(archive_entry_mtime_nsec(entry));
}

static int note_times(struct layer *layer, const char *path, const struct stat *st, const struct timespec times[2],
                      struct err *err)
{
  struct noted_times noted;
  memset(&noted, 0, sizeof(noted));
  noted.path_size = strlen(path) + 1;
  memcpy(noted.times, times, sizeof(noted.times));
  noted.dev = st->st_dev;
  noted.ino = st->st_ino;
  if (fwrite(&noted, sizeof(noted), 1, layer->dir_times) != 1 ||
      fwrite(path, noted.path_size, 1, layer->dir_times) != 1)
    return err_set(err, errno, "note the times of %.200s", path);
  return 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
  return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

int meta_keep_times(struct layer *layer, int dir, const char *path, struct err *err)
{
  struct stat st;
  if (fstat(dir, &st) < 0)
    return err_set(err, errno, "look at %.200s", path);
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  return is_before(&st.st_mtim, &layer->started) ? note_times(layer, path, &st, times, err) : 0;
}

int meta_note_unnamed(struct layer *layer, int parent, const char *name, const char *path, struct err *err)
{
  const struct timespec times[2] = {UNNAMED_TIME, UNNAMED_TIME};
  struct stat st;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "look at %.200s", path);
  return note_times(layer, path, &st, times, err);
}

int meta_apply_file(int fd, const char *path, struct archive_entry *entry, struct err *err)
{
  struct stat st;
  if (fstat(fd, &st) < 0)
    return err_set(err, errno, "look at %.200s", path);
  uid_t uid = (uid_t)archive_entry_uid(entry);
  gid_t gid = (gid_t)archive_entry_gid(entry);
  mode_t mode = archive_entry_perm(entry) & 07777;
  // Most files are root's and have the mode that they were made with: two changes of the inode less for each.
  if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
    return err_set(err, errno, "set the owner of %.200s", path);
  bool has_xattrs = archive_entry_xattr_reset(entry) > 0;
  const struct target target = {.fd = fd, .path = path};
  int result = has_xattrs ? apply_xattrs(&target, entry, err) : 0;
  if (result < 0)
    return result;
  // An attribute that is an ACL changes the mode.
  if ((has_xattrs || (st.st_mode & 07777) != mode) && fchmod(fd, mode) < 0)
    return err_set(err, errno, "set the mode of %.200s", path);
  struct timespec times[2];
  times_of(entry, times);
  return futimens(fd, times) < 0 ? err_set(err, errno, "set the times of %.200s", path) : 0;
}

int meta_apply(struct layer *layer, int parent, const char *name, const char *path, struct archive_entry *entry,
               struct err *err)
{
  mode_t type = archive_entry_filetype(entry);
  // chown clears the setuid bit and security.capability: it comes first.
  if (fchownat(parent, name, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "set the owner of %.200s", path);
  if (archive_entry_xattr_reset(entry) > 0) {
    // There is no setxattrat before Linux 6.13; the process has one thread, so its cwd is as good.
    const struct target target = {.fd = -1, .name = name, .path = path};
    int result = fchdir(parent) < 0 ? err_set(err, errno, "enter the parent of %.200s", path)
                                    : apply_xattrs(&target, entry, err);
    if (result < 0)
      return result;
  }
  if (type != S_IFLNK && fchmodat(parent, name, archive_entry_perm(entry) & 07777, 0) < 0)
    return err_set(err, errno, "set the mode of %.200s", path);
  struct timespec times[2];
  times_of(entry, times);
  // Those of a folder do not last; over mounted parents, meta_keep_times is to see that they are the archive's.
  if (type == S_IFDIR) {
    struct stat st;
    int result = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? err_set(err, errno, "look at %.200s", path)
                                                                     : note_times(layer, path, &st, times, err);
    if (result < 0)
      return result;
  }
  if ((type != S_IFDIR || layer->merged) && utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "set the times of %.200s", path);
  return 0;
}

int meta_finish(struct layer *layer, struct err *err)
{
  if (fflush(layer->dir_times) != 0)
    return err_set(err, errno, "write the times of folders");
  rewind(layer->dir_times);
  struct noted_times noted;
  char path[PATH_MAX];
  while (fread(&noted, sizeof(noted), 1, layer->dir_times) == 1) {
    if (noted.path_size > sizeof(path) || fread(path, noted.path_size, 1, layer->dir_times) != 1)
      return err_set(err, EIO, "read the times of folders");
    _cleanup_fd_ int fd = open_in_root(layer->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
      continue;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
      return err_set(err, fd < 0 ? -fd : errno, "look at %.200s", path);
    // What has taken the folder's place has times of its own.
    if (st.st_dev == noted.dev && st.st_ino == noted.ino && futimens(fd, noted.times) < 0)
      return err_set(err, errno, "set the times of %.200s", path);
  }
  if (ferror(layer->dir_times))
    return err_set(err, EIO, "read the times of folders");
  const struct timespec unnamed[2] = {UNNAMED_TIME, UNNAMED_TIME};
  if (!layer->merged && !layer->root_named && utimensat(layer->root, ".", unnamed, 0) < 0)
    return err_set(err, errno, "set the times of the root");
  return 0;
}
