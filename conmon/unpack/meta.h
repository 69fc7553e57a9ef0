/* Owner, extended attributes, mode and times of what has been made, in the order in which none undoes another. */
#ifndef CONMON_UNPACK_META_H
#define CONMON_UNPACK_META_H

#include <archive_entry.h>

#include "unpack/layer.h"

/* Applies an entry's metadata to a name of a folder. Times of folders are noted under `path` and set at the end. */
int meta_apply(struct layer *layer, int parent, const char *name, const char *path, struct archive_entry *entry,
               struct err *err);

/* Sets the times of all folders that were noted. */
int meta_finish(struct layer *layer, struct err *err);

#endif
