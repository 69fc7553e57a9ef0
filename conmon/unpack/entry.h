/* One entry of the archive becomes one file, folder, link, node or whiteout. */
#ifndef CONMON_UNPACK_ENTRY_H
#define CONMON_UNPACK_ENTRY_H

#include <archive.h>
#include <archive_entry.h>

#include "unpack/layer.h"

/* Which entries are applied: all, or, over mounted parents, the whiteouts first and then the others. */
enum pass { PASS_ALL, PASS_WHITEOUTS, PASS_OTHERS };

/* Applies the entry that was just read. May give STEP_NEEDS_PARENTS; -EBADMSG and others name the entry. */
int entry_apply(struct layer *layer, struct archive *archive, struct archive_entry *entry, enum pass pass,
                struct err *err);

#endif
