#include "launcher/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/scope.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* STRING: what the kernel takes as one value of fsconfig(2), with its zero. */
enum { PAGE = 4096, STRING = 256 };

bool overlay_release_takes_layers(const char *release)
{
  int major = 0;
  int minor = 0;
  return sscanf(release, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 5));
}

void fs_context_explain(int context, struct err *err)
{
  int code = err->code;
  for (;;) {
    char text[256];
    ssize_t got = read(context, text, sizeof(text) - 1);
    if (got <= 0)
      break;
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    size_t used = strlen(err->msg);
    snprintf(err->msg + used, sizeof(err->msg) - used, " (%s)", text);
  }
  err->code = code;
}

static int set_string(int context, const char *key, const char *value, struct err *err)
{
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0) == 0)
    return 0;
  int failed = err_set(err, errno, "overlay: %s %s", key, value);
  fs_context_explain(context, err);
  return failed;
}

/* A folder whose name is too long for the kernel is named from the one that it is in: it is looked up at once. */
static int set_folder(int context, const char *key, const char *path, struct err *err)
{
  const char *slash = strrchr(path, '/');
  if (strlen(path) < STRING || !slash || slash == path)
    return set_string(context, key, path, err);
  char parent[PAGE];
  size_t size = (size_t)(slash - path);
  if (size >= sizeof(parent))
    return err_set(err, ENAMETOOLONG, "overlay: %s %s", key, path);
  memcpy(parent, path, size);
  parent[size] = '\0';
  if (chdir(parent) < 0)
    return err_set(err, errno, "chdir to %s", parent);
  return set_string(context, key, slash + 1, err);
}

/* Configures layers one by one: their number is bounded by the kernel's 500 alone, not by a page of options. */
static int set_layers(int context, const struct overlay *overlay, struct err *err)
{
  int failed = set_string(context, "source", "overlay", err);
  for (size_t i = 0; failed == 0 && i < overlay->lower_count; i++)
    failed = set_folder(context, "lowerdir+", overlay->lowers[i], err);
  if (failed == 0 && overlay->upper[0])
    failed = set_folder(context, "upperdir", overlay->upper, err);
  if (failed == 0 && overlay->upper[0])
    failed = set_folder(context, "workdir", overlay->work, err);
  /* Layers come from strangers: neither their redirects nor their metacopy marks are followed. */
  if (failed == 0)
    failed = set_string(context, "redirect_dir", "nofollow", err);
  if (failed == 0)
    failed = set_string(context, "metacopy", "off", err);
  if (failed == 0)
    failed = set_string(context, "index", "off", err);
  if (failed < 0)
    return failed;
  if (overlay->is_volatile && syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
    return err_set(err, errno, "overlay: volatile");
  return 0;
}

/* The overlay, attached nowhere yet. */
static int make_detached(const struct overlay *overlay, struct err *err)
{
  _cleanup_fd_ int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (context < 0)
    return err_set(err, errno, "open a file system context of overlay");
  int failed = set_layers(context, overlay, err);
  if (failed < 0)
    return failed;
  int mount_fd = -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    mount_fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  if (mount_fd >= 0)
    return mount_fd;
  failed = err_set(err, errno, "overlay: mount on %s", overlay->target);
  fs_context_explain(context, err);
  return failed;
}

static int attach(int mount_fd, const char *target, struct err *err)
{
  if (syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_set(err, errno, "attach the overlay to %s", target);
  return 0;
}

static int mount_layers(const struct overlay *overlay, struct err *err)
{
  _cleanup_fd_ int mount_fd = make_detached(overlay, err);
  return mount_fd < 0 ? mount_fd : attach(mount_fd, overlay->target, err);
}

/* A tmpfs that only this process sees, as its working directory: a place to attach mounts to. */
static int enter_place(const char *over, struct err *err)
{
  if (unshare(CLONE_NEWNS) < 0)
    return err_set(err, errno, "make a mount namespace");
  struct mount_attr private = {.propagation = MS_PRIVATE};
  if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof(private)) < 0)
    return err_set(err, errno, "make the mounts of a new namespace private");
  _cleanup_fd_ int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return err_set(err, errno, "make a tmpfs for mounts of layers");
  _cleanup_fd_ int place = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  if (place < 0 || syscall(SYS_move_mount, place, "", AT_FDCWD, over, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
      fchdir(place) < 0)
    return err_set(err, errno, "attach a tmpfs to %s", over);
  return 0;
}

/* Attaches an idmapped view of each layer to a folder of the working directory, under its number. */
static int attach_views(const struct overlay *overlay, int userns, char (*names)[24], struct err *err)
{
  for (size_t i = 0; i < overlay->lower_count; i++) {
    snprintf(names[i], sizeof(names[i]), "%zu", i);
    _cleanup_fd_ int view = idmap_clone(overlay->lowers[i], userns, err);
    if (view < 0)
      return view;
    if (mkdir(names[i], 0700) < 0 ||
        syscall(SYS_move_mount, view, "", AT_FDCWD, names[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
      return err_set(err, errno, "attach the mapped layer %s", overlay->lowers[i]);
  }
  return 0;
}

/*
 * Before Linux 6.14 an overlay takes layers from mounts of its maker's namespace only, so the views are attached, in a
 * namespace that ends with this function: the overlay holds on to them itself.
 */
static int mount_idmapped(const struct overlay *overlay, struct err *err)
{
  _cleanup_free_ char(*names)[24] = calloc(overlay->lower_count, sizeof(*names));
  _cleanup_free_ const char **lowers = calloc(overlay->lower_count, sizeof(*lowers));
  if (!names || !lowers)
    return err_set(err, ENOMEM, "memory for %zu layers", overlay->lower_count);
  _cleanup_fd_ int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (home < 0)
    return err_set(err, errno, "open the mount namespace");
  _cleanup_fd_ int userns = idmap_open(overlay->idmap, err);
  if (userns < 0)
    return userns;
  int failed = enter_place(overlay->target, err);
  if (failed == 0)
    failed = attach_views(overlay, userns, names, err);
  if (failed < 0)
    return failed;
  for (size_t i = 0; i < overlay->lower_count; i++)
    lowers[i] = names[i];
  struct overlay mapped = *overlay;
  mapped.lowers = lowers;
  _cleanup_fd_ int mount_fd = make_detached(&mapped, err);
  if (mount_fd < 0)
    return mount_fd;
  if (setns(home, CLONE_NEWNS) < 0)
    return err_set(err, errno, "return to the mount namespace");
  return attach(mount_fd, overlay->target, err);
}

/* A page of options under construction; what does not fit is remembered. */
struct page {
  char text[PAGE];
  size_t size;
  bool full;
};

static void put_text(struct page *page, const char *text, const char *escaped)
{
  for (; *text; text++) {
    bool escape = strchr(escaped, *text) != NULL;
    if (page->size + 2 + escape > sizeof(page->text)) {
      page->full = true;
      return;
    }
    if (escape)
      page->text[page->size++] = '\\';
    page->text[page->size++] = *text;
  }
  page->text[page->size] = '\0';
}

/* Layers by the numbers of their descriptors, which are short and need no escapes: 500 of them fit. */
static int put_layers(struct page *page, const struct overlay *overlay, struct err *err)
{
  for (size_t i = 0; i < overlay->lower_count; i++) {
    char number[16];
    int fd = open(overlay->lowers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
      return err_set(err, errno, "overlay: open the layer %s", overlay->lowers[i]);
    snprintf(number, sizeof(number), i > 0 ? ":%d" : "%d", fd);
    put_text(page, number, "");
  }
  if (chdir("/proc/self/fd") < 0)
    return err_set(err, errno, "chdir to /proc/self/fd");
  return 0;
}

int overlay_mount_page(const struct overlay *overlay, struct err *err)
{
  struct page page = {.size = 0};
  put_text(&page, "redirect_dir=nofollow,metacopy=off,index=off", "");
  put_text(&page, overlay->is_volatile ? ",volatile,lowerdir=" : ",lowerdir=", "");
  int failed = put_layers(&page, overlay, err);
  if (failed < 0)
    return failed;
  if (overlay->upper[0]) {
    put_text(&page, ",upperdir=", "");
    put_text(&page, overlay->upper, ",\\");
    put_text(&page, ",workdir=", "");
    put_text(&page, overlay->work, ",\\");
  }
  if (page.full)
    return err_set(err, E2BIG, "overlay: %zu layers and %s do not fit in one page of mount options",
                   overlay->lower_count, overlay->upper);
  if (syscall(SYS_mount, "overlay", overlay->target, "overlay", 0UL, page.text) < 0)
    return err_set(err, errno, "overlay: mount on %s", overlay->target);
  return 0;
}

int overlay_mount(const struct overlay *overlay, struct err *err)
{
  struct utsname name;
  if (uname(&name) < 0)
    return err_set(err, errno, "uname");
  bool one_by_one = overlay_release_takes_layers(name.release);
  if (overlay->idmap)
    return one_by_one ? mount_idmapped(overlay, err) : err_set(err, ENOSYS, "idmapped layers: Linux 6.5 is needed");
  return one_by_one ? mount_layers(overlay, err) : overlay_mount_page(overlay, err);
}
