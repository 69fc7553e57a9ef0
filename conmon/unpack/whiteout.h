/* Whiteouts: the archive's convention becomes overlayfs's own, or removals where the parents are mounted below. */
#ifndef CONMON_UNPACK_WHITEOUT_H
#define CONMON_UNPACK_WHITEOUT_H

#include "unpack/layer.h"

/*
 * Hides what the layers below have at this path. What this layer has there stays: a folder becomes opaque, anything
 * else hides them already. May give STEP_NEEDS_PARENTS.
 */
int whiteout_path(struct layer *layer, const char *path, struct err *err);

/* Hides all that the layers below have in this folder. */
int whiteout_dir(struct layer *layer, const char *path, struct err *err);

/* Makes a folder hide what is below it. */
int whiteout_mark_opaque(int parent, const char *name, struct err *err);

#endif
