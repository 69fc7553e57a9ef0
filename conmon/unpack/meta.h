/* Owner, extended attributes, mode and times of what has been made, in the order in which none undoes another. */
#ifndef CONMON_UNPACK_META_H
#define CONMON_UNPACK_META_H

#include <archive_entry.h>

#include "unpack/layer.h"

/* Applies an entry's metadata to a regular file that was just written and has no setuid bit yet. */
int meta_apply_file(int fd, const char *path, struct archive_entry *entry, struct err *err);

/* Applies an entry's metadata to a name of a folder. Times of folders are noted under `path` and set at the end. */
int meta_apply(struct layer *layer, int parent, const char *name, const char *path, struct archive_entry *entry,
               struct err *err);

/*
 * Notes the times of a folder of the layers below before something is made or removed in it: a folder that the archive
 * does not name keeps what it had. One that was changed by this layer already is left as it was noted then.
 */
int meta_keep_times(struct layer *layer, int dir, const char *path, struct err *err);

/*
 * Notes that no time is known of a folder that was just made without the archive naming it: a time of the clock would
 * tell two unpackings of the same layer apart. The archive, or the layers below (fixup.h), may know better later.
 */
int meta_note_unnamed(struct layer *layer, int parent, const char *name, const char *path, struct err *err);

/* Sets the times of all folders that were noted, and of a root that the archive did not name. */
int meta_finish(struct layer *layer, struct err *err);

#endif
