/* Parents that a layer's archive left out take owner, mode, attributes and times of what is below them. */
#ifndef CONMON_UNPACK_FIXUP_H
#define CONMON_UNPACK_FIXUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/error.h"

struct fixup {
  /* The layer's own folder. */
  int layer;
  /* The merged view of the layers below, or -1 if there are none: then marks are only taken off. */
  int below;
  /* Paths of implied parents, each with a final NUL. */
  FILE *list;
  /* Set when the layers below have a link where this layer has a folder: it has to be applied over them. */
  bool needs_parents;
  char needs_path[PATH_MAX];
};

/* Works through the list. */
int fixup_parents(struct fixup *fixup, struct err *err);

/* Owner, mode, attributes and times, to the nanosecond, of one opened folder for another; the path is for errors. */
int copy_metadata(int from, int to, const char *path, struct err *err);

#endif
