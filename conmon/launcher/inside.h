/* Opening what a path names inside a root, whatever the links in it say. */
#ifndef CONMON_LAUNCHER_INSIDE_H
#define CONMON_LAUNCHER_INSIDE_H

#include <stdint.h>

#include "lib/error.h"

/* The folder that others are resolved in. */
int open_root(const char *root, struct err *err);

/* Opens with every link resolved inside the root; the descriptor, or -errno. */
int open_inside(int root, const char *path, uint64_t flags);

#endif
