/* The overlay mount, by the new mount API where it takes layers one by one, by mount(2) elsewhere. */
#ifndef CONMON_LAUNCHER_OVERLAY_H
#define CONMON_LAUNCHER_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/idmap.h"
#include "lib/error.h"

struct overlay {
  /* Absolute, topmost first. */
  const char **lowers;
  size_t lower_count;
  /* Empty, as `work` then is: nobody writes. The kernel wants two layers at the least then. */
  const char *upper;
  const char *work;
  const char *target;
  bool is_volatile;
  /* The layers' owners are seen through it; NULL: as they are. The upper layer is not mapped. */
  const struct idmap *idmap;
};

int overlay_mount(const struct overlay *overlay, struct err *err);

/* Before Linux 6.5. For a process that ends then: its working directory is another one, and the layers stay open. */
int overlay_mount_page(const struct overlay *overlay, struct err *err);

/* Whether a kernel of this release (uname) takes `lowerdir+`. */
bool overlay_release_takes_layers(const char *release);

/* Reads what the kernel says about a failed fsconfig or fsmount, and adds it to the message. */
void fs_context_explain(int context, struct err *err);

#endif
