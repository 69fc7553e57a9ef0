#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "unpack/compare.h"
#include "unpack/layer.h"

/* The same name in both folders. */
struct twins {
  int reference_dir, layer_dir;
  const char *name;
  struct stat reference, layer;
};

static const char *type_of(mode_t mode)
{
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "folder";
  case S_IFLNK:
    return "symbolic link";
  case S_IFCHR:
  case S_IFBLK:
    return "device";
  case S_IFIFO:
    return "pipe";
  default:
    return "socket";
  }
}

static bool is_whiteout(const struct stat *st)
{
  return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int compare_stat(struct compare *compare, const struct twins *twins, struct err *err)
{
  const struct stat *a = &twins->reference, *b = &twins->layer;
  const struct timespec unnamed = UNNAMED_TIME;
  if ((a->st_mode ^ b->st_mode) & S_IFMT)
    return compare_differs(compare, err, "is a %s instead of a %s", type_of(b->st_mode), type_of(a->st_mode));
  if (a->st_mode != b->st_mode)
    return compare_differs(compare, err, "mode is %o instead of %o", b->st_mode & 07777, a->st_mode & 07777);
  if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
    return compare_differs(compare, err, "owner is %u:%u instead of %u:%u", b->st_uid, b->st_gid, a->st_uid, a->st_gid);
  if (a->st_rdev != b->st_rdev)
    return compare_differs(compare, err, "device is %u,%u instead of %u,%u", major(b->st_rdev), minor(b->st_rdev),
                           major(a->st_rdev), minor(a->st_rdev));
  if (!S_ISDIR(a->st_mode) && a->st_size != b->st_size)
    return compare_differs(compare, err, "size is %" PRIu64 " instead of %" PRIu64, (uint64_t)b->st_size,
                           (uint64_t)a->st_size);
  if (!same_time(&a->st_mtim, &b->st_mtim) && !(S_ISDIR(a->st_mode) && same_time(&a->st_mtim, &unnamed)))
    return compare_differs(compare, err, "time of change is %" PRId64 ".%09ld instead of %" PRId64 ".%09ld",
                           (int64_t)b->st_mtim.tv_sec, b->st_mtim.tv_nsec, (int64_t)a->st_mtim.tv_sec,
                           a->st_mtim.tv_nsec);
  return 0;
}

static int compare_target(struct compare *compare, const struct twins *twins, struct err *err)
{
  char *a = compare->buffers[0], *b = compare->buffers[1];
  ssize_t a_size = readlinkat(twins->reference_dir, twins->name, a, PATH_MAX);
  if (a_size < 0)
    return err_set(err, errno, "read the link %.200s", compare->path);
  ssize_t b_size = readlinkat(twins->layer_dir, twins->name, b, PATH_MAX);
  if (b_size < 0)
    return compare_differs(compare, err, "cannot be read: %s", strerror(errno));
  if (a_size != b_size || memcmp(a, b, (size_t)a_size) != 0)
    return compare_differs(compare, err, "leads to %.*s", (int)(b_size < 100 ? b_size : 100), b);
  return 0;
}

struct proc_name {
  char text[NAME_MAX + 40];
};

/* Names reach attributes through /proc: there is no call that takes a folder and a name. */
static struct proc_name name_below(int dir, const char *name)
{
  struct proc_name path;
  snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d/%s", dir, name);
  return path;
}

/*
 * Labels are the host's, and so is what overlayfs notes on folders and files that it has copied up: where they came
 * from, and how many links they have. Its other marks hide or move what is below.
 */
static bool counts(const char *name)
{
  static const char *const notes[] = {"origin", "impure", "nlink", "upper", "uuid"};
  if (strncmp(name, "security.", 9) == 0)
    return strcmp(name, "security.capability") == 0;
  const char *mark = strncmp(name, "trusted.overlay.", 16) == 0 ? name + 16
                     : strncmp(name, "user.overlay.", 13) == 0 ? name + 13
                                                               : "";
  for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
    if (strcmp(mark, notes[i]) == 0)
      return false;
  return true;
}

static ssize_t list_attributes(const char *path, char *names)
{
  ssize_t size = llistxattr(path, names, COMPARE_BUFFER);
  return size < 0 ? (errno == ENOTSUP ? 0 : -errno) : size;
}

static const char *find_name(const char *names, ssize_t size, const char *wanted)
{
  for (const char *name = names; name < names + size; name += strlen(name) + 1)
    if (strcmp(name, wanted) == 0)
      return name;
  return NULL;
}

static int compare_value(struct compare *compare, const char *reference, const char *layer, const char *name,
                         struct err *err)
{
  char *a = compare->buffers[2], *b = compare->buffers[3];
  ssize_t a_size = lgetxattr(reference, name, a, COMPARE_BUFFER);
  if (a_size < 0)
    return err_set(err, errno, "read the attribute %.100s of %.200s", name, compare->path);
  ssize_t b_size = lgetxattr(layer, name, b, COMPARE_BUFFER);
  if (b_size < 0)
    return compare_differs(compare, err, "attribute %.100s cannot be read: %s", name, strerror(errno));
  if (a_size != b_size || memcmp(a, b, (size_t)a_size) != 0)
    return compare_differs(compare, err, "attribute %.100s has another value", name);
  return 0;
}

static int compare_attributes(struct compare *compare, const struct twins *twins, struct err *err)
{
  struct proc_name reference = name_below(twins->reference_dir, twins->name);
  struct proc_name layer = name_below(twins->layer_dir, twins->name);
  char *a = compare->buffers[0], *b = compare->buffers[1];
  ssize_t a_size = list_attributes(reference.text, a);
  if (a_size < 0)
    return err_set(err, (int)-a_size, "list the attributes of %.200s", compare->path);
  ssize_t b_size = list_attributes(layer.text, b);
  if (b_size < 0)
    return compare_differs(compare, err, "attributes cannot be listed: %s", strerror((int)-b_size));
  for (const char *name = b; name < b + b_size; name += strlen(name) + 1)
    if (counts(name) && !find_name(a, a_size, name))
      return compare_differs(compare, err, "attribute %.100s does not belong to the layer", name);
  for (const char *name = a; name < a + a_size; name += strlen(name) + 1) {
    if (!counts(name))
      continue;
    if (!find_name(b, b_size, name))
      return compare_differs(compare, err, "attribute %.100s is missing", name);
    int result = compare_value(compare, reference.text, layer.text, name, err);
    if (result != 0)
      return result;
  }
  return 0;
}

/* Names that are one file in the reference have to be one here, and no others. Sets whether the file is known already. */
static int compare_links(struct compare *compare, const struct twins *twins, bool *known, struct err *err)
{
  *known = false;
  if (twins->reference.st_nlink < 2 && twins->layer.st_nlink < 2)
    return 0;
  uint64_t next = ++compare->next_link;
  uint64_t a = links_first(&compare->reference_links, twins->reference.st_ino, next);
  uint64_t b = links_first(&compare->layer_links, twins->layer.st_ino, next);
  if (a == 0 || b == 0)
    return err_set(err, ENOMEM, "note a hard link");
  *known = a < next;
  if (a == b)
    return 0;
  return a < next ? compare_differs(compare, err, "is no longer one file with its other names")
                  : compare_differs(compare, err, "has become one file with another name");
}

static int open_file(int dir, const char *name)
{
  return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC);
}

static int compare_contents(struct compare *compare, const struct twins *twins, struct err *err)
{
  _cleanup_fd_ int reference = open_file(twins->reference_dir, twins->name);
  if (reference < 0)
    return err_set(err, errno, "open %.200s", compare->path);
  _cleanup_fd_ int layer = open_file(twins->layer_dir, twins->name);
  if (layer < 0)
    return compare_differs(compare, err, "cannot be opened: %s", strerror(errno));
  char *a = compare->buffers[0], *b = compare->buffers[1];
  for (uint64_t at = 0;;) {
    ssize_t a_size = read_full(reference, a, COMPARE_BUFFER);
    if (a_size < 0)
      return err_set(err, (int)-a_size, "read %.200s", compare->path);
    ssize_t b_size = read_full(layer, b, COMPARE_BUFFER);
    if (b_size < 0)
      return compare_differs(compare, err, "cannot be read: %s", strerror((int)-b_size));
    ssize_t same = 0, shorter = a_size < b_size ? a_size : b_size;
    if (memcmp(a, b, (size_t)shorter) == 0)
      same = shorter;
    else
      while (a[same] == b[same])
        same++;
    compare->bytes += (uint64_t)same;
    if (same < a_size || same < b_size)
      return compare_differs(compare, err, "contents differ from byte %" PRIu64 " on", at + (uint64_t)same);
    if (a_size < COMPARE_BUFFER)
      return 0;
    at += (uint64_t)a_size;
  }
}

int compare_entry(struct compare *compare, int reference, int layer, const char *name, bool *both_folders,
                  struct err *err)
{
  struct twins twins = {.reference_dir = reference, .layer_dir = layer, .name = name};
  if (fstatat(reference, name, &twins.reference, AT_SYMLINK_NOFOLLOW) < 0)
    return err_set(err, errno, "look at %.200s", compare->path);
  if (fstatat(layer, name, &twins.layer, AT_SYMLINK_NOFOLLOW) < 0)
    return compare_differs(compare, err, "cannot be looked at: %s", strerror(errno));
  // overlayfs gives all whiteouts that it makes one node.
  if (is_whiteout(&twins.reference) && is_whiteout(&twins.layer))
    return 0;
  *both_folders = S_ISDIR(twins.reference.st_mode) && S_ISDIR(twins.layer.st_mode);
  bool known = false;
  int result = compare_stat(compare, &twins, err);
  if (result == 0 && S_ISLNK(twins.reference.st_mode))
    result = compare_target(compare, &twins, err);
  if (result == 0)
    result = compare_attributes(compare, &twins, err);
  if (result == 0 && !*both_folders)
    result = compare_links(compare, &twins, &known, err);
  if (result == 0 && !known && S_ISREG(twins.reference.st_mode))
    result = compare_contents(compare, &twins, err);
  return result;
}
