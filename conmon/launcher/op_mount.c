#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/inside.h"
#include "launcher/launcher.h"
#include "launcher/overlay.h"
#include "lib/scope.h"

/* Flags of umount2(2); <sys/mount.h> does not go together with <linux/mount.h> everywhere. */
enum { UNMOUNT_DETACH = 2, UNMOUNT_NOFOLLOW = 8 };

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

int call_mount_overlay(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  struct overlay overlay = {0};
  overlay.is_volatile = wire_get_u8(in) & OVERLAY_VOLATILE;
  overlay.upper = wire_get_str(in);
  overlay.work = wire_get_str(in);
  overlay.target = wire_get_str(in);
  uint32_t count = wire_get_u32(in);
  if (count == 0 || count > wire_left(in) / 5)
    return err_set(err, EPROTO, "MOUNT_OVERLAY is malformed");
  _cleanup_free_ const char **lowers = calloc(count, sizeof(*lowers));
  if (!lowers)
    return err_set(err, ENOMEM, "memory for %u layers", count);
  for (uint32_t i = 0; i < count; i++)
    lowers[i] = wire_get_str(in);
  _cleanup_free_ struct idmap *idmap = idmap_decode(in, err);
  if (!idmap)
    return -err->code;
  if (!wire_done(in) || (overlay.upper[0] == '\0') != (overlay.work[0] == '\0'))
    return err_set(err, EPROTO, "MOUNT_OVERLAY is malformed");
  overlay.lowers = lowers;
  overlay.lower_count = count;
  overlay.idmap = idmap->uids.count + idmap->gids.count > 0 ? idmap : NULL;
  return overlay_mount(&overlay, err);
}

/* Read-only before it is attached: no moment at which it can be written to. */
static int attach_bind(int tree, bool readonly, unsigned int depth, const char *source, const char *target,
                       struct err *err)
{
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  if (readonly && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | depth, &attr, sizeof(attr)) < 0)
    return err_set(err, errno, "make the bind of %s read-only", source);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_set(err, errno, "bind %s to %s", source, target);
  return 0;
}

int call_mount_bind(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *source = wire_get_str(in);
  const char *target = wire_get_str(in);
  uint8_t flags = wire_get_u8(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "MOUNT_BIND is malformed");
  unsigned int depth = flags & BIND_RECURSIVE ? AT_RECURSIVE : 0;
  _cleanup_fd_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth);
  if (tree < 0)
    return err_set(err, errno, "bind %s", source);
  return attach_bind(tree, flags & BIND_READONLY, depth, source, target, err);
}

/* What a mount is attached to: a folder for a folder, an empty file for a file. */
static int make_place(bool is_folder, const char *target, struct err *err)
{
  if (is_folder)
    return mkdir(target, 0700) < 0 ? err_set(err, errno, "make the folder %s", target) : 0;
  _cleanup_fd_ int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd < 0 ? err_set(err, errno, "make the file %s", target) : 0;
}

int call_bind_in_root(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  const char *root_path = wire_get_str(in);
  const char *path = wire_get_str(in);
  const char *target = wire_get_str(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "BIND_IN_ROOT is malformed");
  _cleanup_fd_ int root = open_root(root_path, err);
  if (root < 0)
    return root;
  /* What is bound is what was opened: nothing that is renamed meanwhile leads out of the root. */
  _cleanup_fd_ int found = open_inside(root, path, O_PATH);
  if (found == -ENOENT || found == -ENOTDIR) {
    wire_put_u8(out, 0);
    return 0;
  }
  if (found < 0)
    return err_set(err, -found, "open %s in %s", path, root_path);
  struct stat status;
  if (fstat(found, &status) < 0)
    return err_set(err, errno, "stat %s in %s", path, root_path);
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
    return err_set(err, EINVAL, "%s in %s is neither a folder nor a file", path, root_path);
  _cleanup_fd_ int tree =
      (int)syscall(SYS_open_tree, found, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0)
    return err_set(err, errno, "bind %s in %s", path, root_path);
  int failed = make_place(S_ISDIR(status.st_mode), target, err);
  if (failed < 0)
    return failed;
  wire_put_u8(out, 1);
  return attach_bind(tree, true, 0, path, target, err);
}

int call_mount_tmpfs(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *target = wire_get_str(in);
  uint64_t size = wire_get_u64(in);
  uint32_t mode = wire_get_u32(in);
  uint32_t uid = wire_get_u32(in);
  uint32_t gid = wire_get_u32(in);
  uint8_t flags = wire_get_u8(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "MOUNT_TMPFS is malformed");
  char size_text[32];
  char mode_text[16];
  char uid_text[16];
  char gid_text[16];
  snprintf(size_text, sizeof(size_text), "%" PRIu64, size);
  snprintf(mode_text, sizeof(mode_text), "%o", mode);
  snprintf(uid_text, sizeof(uid_text), "%u", uid);
  snprintf(gid_text, sizeof(gid_text), "%u", gid);
  _cleanup_fd_ int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0)
    return err_set(err, errno, "open a file system context of tmpfs");
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", "tmpfs", 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", size_text, 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", mode_text, 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "uid", uid_text, 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "gid", gid_text, 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
    int failed = err_set(err, errno, "tmpfs of %s bytes for %s", size_text, target);
    fs_context_explain(context, err);
    return failed;
  }
  unsigned int attributes = (flags & TMPFS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
                            (flags & TMPFS_NODEV ? MOUNT_ATTR_NODEV : 0) |
                            (flags & TMPFS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
  _cleanup_fd_ int mount_fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  if (mount_fd < 0)
    return err_set(err, errno, "tmpfs for %s", target);
  if (syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_set(err, errno, "attach the tmpfs to %s", target);
  return 0;
}

int call_unmount(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *target = wire_get_str(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "UNMOUNT is malformed");
  /* One mount may lie on another; the last call tells that there is none left, or that the path is gone. */
  while (syscall(SYS_umount2, target, UNMOUNT_DETACH | UNMOUNT_NOFOLLOW) == 0)
    ;
  return errno == EINVAL || errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, errno, "unmount %s", target);
}
