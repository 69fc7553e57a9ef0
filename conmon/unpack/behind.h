/* Writing early: what a file was given goes to the disk while more comes, so that the sync at the image's end is short. */
#ifndef CONMON_UNPACK_BEHIND_H
#define CONMON_UNPACK_BEHIND_H

#include <stdint.h>

/* Less than this is not begun with: the file system writes small files better together. */
#define BEHIND_CHUNK (4 * 1024 * 1024)

/* Begins to write the bytes and waits for none. That sync is what tells errors: here they are nobody's. */
void behind_write(int fd, int64_t offset, int64_t size);

#endif
