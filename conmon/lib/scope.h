/* Scope cleanup: what is acquired into a variable with one of these attributes is given back when it leaves scope. */
#ifndef CONMON_LIB_SCOPE_H
#define CONMON_LIB_SCOPE_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void cleanup_free(void *variable)
{
  void *pointer;
  memcpy(&pointer, variable, sizeof(pointer));
  free(pointer);
}

static inline void cleanup_fd(int *fd)
{
  int saved = errno;
  if (*fd >= 0)
    close(*fd);
  errno = saved;
}

static inline void cleanup_file(FILE **file)
{
  if (*file)
    fclose(*file);
}

static inline void cleanup_dir(DIR **dir)
{
  if (*dir)
    closedir(*dir);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))
#define _cleanup_fd_ __attribute__((cleanup(cleanup_fd)))
#define _cleanup_file_ __attribute__((cleanup(cleanup_file)))
#define _cleanup_dir_ __attribute__((cleanup(cleanup_dir)))

/* Takes the descriptor out of its variable: the scope no longer closes it. */
static inline int steal_fd(int *fd)
{
  int taken = *fd;
  *fd = -1;
  return taken;
}

/* Closes a descriptor now, once. */
static inline void close_fd(int *fd)
{
  cleanup_fd(fd);
  *fd = -1;
}

#endif
