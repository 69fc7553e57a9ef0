/* The data of a regular file, holes kept. */
#ifndef CONMON_UNPACK_FILE_H
#define CONMON_UNPACK_FILE_H

#include <archive.h>
#include <archive_entry.h>

#include "unpack/layer.h"

int file_write(struct layer *layer, int fd, const char *path, struct archive *archive, struct archive_entry *entry,
               struct err *err);

#endif
