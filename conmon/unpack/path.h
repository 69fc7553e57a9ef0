/* Names in a layer: cleaned to a path below the root, and what the whiteout convention makes of them. */
#ifndef CONMON_UNPACK_PATH_H
#define CONMON_UNPACK_PATH_H

#include <limits.h>
#include <stddef.h>

/*
 * Writes the name without ".", "..", empty components and slashes at either end; "" is the root itself.
 * -EBADMSG if it leaves the root, -ENAMETOOLONG beyond max bytes (at most PATH_MAX - 1).
 */
int path_clean(const char *name, size_t max, char out[PATH_MAX]);

/* The last component of a clean path. */
const char *path_base(const char *path);

/* Writes the folder that holds a clean path; "" is the root. */
void path_parent(const char *path, char out[PATH_MAX]);

enum name_kind {
  NAME_PLAIN,
  /* `.wh.x`: x of the layers below is gone. */
  NAME_WHITEOUT,
  /* `.wh..wh..opq`: what the layers below have in this folder is gone. */
  NAME_OPAQUE,
  /* Other `.wh..wh.` names: AUFS kept its own files under them. */
  NAME_SKIPPED,
  /* A whiteout of "", "." or "..". */
  NAME_INVALID,
};

/* What a clean path names (OCI image spec, layer.md, "Whiteouts"). */
enum name_kind path_kind(const char *path);

/* The name that a whiteout hides: its base without ".wh.". */
const char *path_hidden(const char *path);

#endif
