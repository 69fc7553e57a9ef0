/* The walls around the process that reads bytes of strangers. */
#ifndef CONMON_UNPACK_CONFINE_H
#define CONMON_UNPACK_CONFINE_H

#include "unpack/limits.h"

/* Memory that a layer may take: zstd's largest window (128 MiB) and our own needs. */
#define CONFINE_MEMORY (160UL * 1024 * 1024)

/*
 * Makes the folder the root of a mount namespace of this process's own, in which nothing else is mounted, then gives up
 * what unpacking does not need (confine_self). What was opened before stays open. Gives the descriptor of the root.
 */
int confine(const char *dir, const struct limits *limits, struct err *err);

/*
 * Bounds memory, processor time, descriptors and the size of files; drops capabilities; denies other system calls.
 * Layers may hold device nodes, setuid programs, file capabilities and files of any owner: what these take is kept.
 */
int confine_self(const struct limits *limits, struct err *err);

#endif
