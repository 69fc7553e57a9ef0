#include "launcher/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/scope.h"

enum { PAGE = 4096 };

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

/* Layers one by one: their number is bounded by the kernel's 500 alone, not by a page of options. */
static int mount_layers(const struct overlay *overlay, struct err *err)
{
  _cleanup_fd_ int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (context < 0)
    return err_set(err, errno, "open a file system context of overlay");
  int failed = set_string(context, "source", "overlay", err);
  for (size_t i = 0; failed == 0 && i < overlay->lower_count; i++)
    failed = set_string(context, "lowerdir+", overlay->lowers[i], err);
  if (failed == 0)
    failed = set_string(context, "upperdir", overlay->upper, err);
  if (failed == 0)
    failed = set_string(context, "workdir", overlay->work, err);
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
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
    failed = err_set(err, errno, "overlay: mount on %s", overlay->target);
    fs_context_explain(context, err);
    return failed;
  }
  _cleanup_fd_ int mount_fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  if (mount_fd < 0) {
    failed = err_set(err, errno, "overlay: mount on %s", overlay->target);
    fs_context_explain(context, err);
    return failed;
  }
  if (syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, overlay->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_set(err, errno, "attach the overlay to %s", overlay->target);
  return 0;
}

size_t overlay_common_folder(const char *const *lowers, size_t count)
{
  size_t common = count > 0 ? strlen(lowers[0]) : 0;
  for (size_t i = 1; i < count; i++) {
    size_t same = 0;
    while (same < common && lowers[i][same] == lowers[0][same])
      same++;
    common = same;
  }
  while (common > 0 && lowers[0][common - 1] != '/')
    common--;
  return common;
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

int overlay_mount_page(const struct overlay *overlay, struct err *err)
{
  struct page page = {.size = 0};
  size_t common = overlay_common_folder(overlay->lowers, overlay->lower_count);
  if (common > 0) {
    char folder[PAGE];
    if (common >= sizeof(folder))
      return err_set(err, ENAMETOOLONG, "the layers' folder %s", overlay->lowers[0]);
    memcpy(folder, overlay->lowers[0], common);
    folder[common] = '\0';
    if (chdir(folder) < 0)
      return err_set(err, errno, "chdir to %s", folder);
  }
  put_text(&page, "redirect_dir=nofollow,metacopy=off,index=off", "");
  put_text(&page, overlay->is_volatile ? ",volatile,lowerdir=" : ",lowerdir=", "");
  for (size_t i = 0; i < overlay->lower_count; i++) {
    put_text(&page, i > 0 ? ":" : "", "");
    put_text(&page, overlay->lowers[i] + common, ":,\\");
  }
  put_text(&page, ",upperdir=", "");
  put_text(&page, overlay->upper, ",\\");
  put_text(&page, ",workdir=", "");
  put_text(&page, overlay->work, ",\\");
  if (page.full)
    return err_set(err, E2BIG, "overlay: %zu layers do not fit in one page of mount options: Linux 6.5 lifts that limit",
                   overlay->lower_count);
  if (syscall(SYS_mount, "overlay", overlay->target, "overlay", 0UL, page.text) < 0)
    return err_set(err, errno, "overlay: mount on %s", overlay->target);
  return 0;
}

int overlay_mount(const struct overlay *overlay, struct err *err)
{
  struct utsname name;
  if (uname(&name) < 0)
    return err_set(err, errno, "uname");
  if (overlay_release_takes_layers(name.release))
    return mount_layers(overlay, err);
  return overlay_mount_page(overlay, err);
}
