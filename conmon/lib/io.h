/* Reads and writes that are not cut short by signals. */
#ifndef CONMON_LIB_IO_H
#define CONMON_LIB_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* open(2) past EINTR, close-on-exec always; the descriptor, or -1 and errno. */
int open_once(const char *path, int flags, mode_t mode);

/* read(2) past EINTR. */
ssize_t read_once(int fd, void *buffer, size_t size);

/* Reads until the buffer is full or the end; gives the bytes read, or -errno. */
ssize_t read_full(int fd, void *buffer, size_t size);

/* Writes everything; 0, or -errno. For blocking descriptors. */
int write_full(int fd, const void *buffer, size_t size);

/* Reads a small file (of /proc, /sys) as text with a final NUL; its length, or -errno; -EFBIG if it does not fit. */
ssize_t read_text(const char *path, char *buffer, size_t size);

/* Writes the text to a file that is there, in one write(2), as /proc and cgroupfs want it; 0, or -errno. */
int write_text(const char *path, const char *text);

/* Sets or clears O_NONBLOCK; 0, or -errno. */
int set_nonblock(int fd, bool on);

#endif
