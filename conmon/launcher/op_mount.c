#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

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
  if (!wire_done(in))
    return err_set(err, EPROTO, "MOUNT_OVERLAY is malformed");
  overlay.lowers = lowers;
  overlay.lower_count = count;
  return overlay_mount(&overlay, err);
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
  /* Read-only before it is attached: no moment at which it can be written to. */
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  if ((flags & BIND_READONLY) &&
      syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | depth, &attr, sizeof(attr)) < 0)
    return err_set(err, errno, "make the bind of %s read-only", source);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_set(err, errno, "bind %s to %s", source, target);
  return 0;
}

int call_mount_tmpfs(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  const char *target = wire_get_str(in);
  uint64_t size = wire_get_u64(in);
  uint32_t mode = wire_get_u32(in);
  uint8_t flags = wire_get_u8(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "MOUNT_TMPFS is malformed");
  char size_text[32];
  char mode_text[16];
  snprintf(size_text, sizeof(size_text), "%" PRIu64, size);
  snprintf(mode_text, sizeof(mode_text), "%o", mode);
  _cleanup_fd_ int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0)
    return err_set(err, errno, "open a file system context of tmpfs");
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", "tmpfs", 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", size_text, 0) < 0 ||
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", mode_text, 0) < 0 ||
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
