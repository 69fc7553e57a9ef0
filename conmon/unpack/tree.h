/* Folders inside the layer's root: every link is resolved inside it, nothing outside can be named. */
#ifndef CONMON_UNPACK_TREE_H
#define CONMON_UNPACK_TREE_H

#include "unpack/layer.h"

/* openat2 with every link resolved inside the root, plus RESOLVE_ flags of the caller's; the descriptor, or -errno. */
int open_in_root(int root, const char *path, int flags, uint64_t resolve);

/*
 * The folder of a clean path, made with its parents where it is not there (0755, root's, marked as implied). The
 * descriptor belongs to the layer and is valid until the next call. May give STEP_NEEDS_PARENTS.
 */
int tree_make_dir(struct layer *layer, const char *path, int *fd, struct err *err);

/* The folder that holds a clean path, made where it is not there. */
int tree_make_parent(struct layer *layer, const char *path, int *fd, struct err *err);

/* Removes a name of a folder, with all that is below it. Uses two descriptors however deep it is. */
int tree_remove(struct layer *layer, int parent, const char *name, struct err *err);

/* Removes all that a folder holds. */
int tree_empty(struct layer *layer, int dir, struct err *err);

#endif
