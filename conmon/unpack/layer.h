/* The layer that is being made: the folder it goes to, what it may use, what it has become. */
#ifndef CONMON_UNPACK_LAYER_H
#define CONMON_UNPACK_LAYER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "unpack/limits.h"

/*
 * Marks folders that the archive does not name but its paths need. Only a mark on the folder itself stays true
 * through whatever the rest of the archive does to it; archives cannot bring trusted.* attributes of their own.
 */
#define IMPLIED_XATTR "trusted.berth.implied"
#define OPAQUE_XATTR "trusted.overlay.opaque"

/* The time of folders that neither the archive nor the layers below name. */
#define UNNAMED_TIME ((struct timespec){0})

struct layer {
  /* The root of the layer: nothing is reached but through it. */
  int root;
  /* Whether root shows the parents too: a whiteout then is a removal, and overlayfs notes it. */
  bool merged;
  /* When this layer was begun: folders that are older have not been changed by it. */
  struct timespec started;
  struct limits *limits;
  /* The entry that was read last, as the archive names it: for messages. */
  char entry[PATH_MAX];
  uint64_t entries;
  uint64_t inodes;
  /* Data of regular files in blocks of 4 KiB, and a block for each folder. */
  uint64_t bytes;
  /* Sizes of regular files, holes included: who copies them up pays for those too. */
  uint64_t file_sizes;
  uint64_t implied;
  /* Whether the archive has an entry for the root itself. */
  bool root_named;
  /* Paths of implied parents, each with a final NUL. */
  FILE *implied_list;
  /* Times of folders, set when nothing is made in them any more. */
  FILE *dir_times;
  /* The folder that was found last: entries of one folder follow one another. A removal makes its path stale. */
  int dir;
  bool dir_stale;
  char dir_path[PATH_MAX];
  /* Set once something can only be done over the layers below: then the rest is hashed, not applied. */
  bool needs_parents;
  char needs_path[PATH_MAX];
  const char *needs_reason;
};

/* What a step gives besides an error. */
enum { STEP_DONE = 0, STEP_NEEDS_PARENTS = 1 };

/* Notes why the layer has to be applied over its parents; gives STEP_NEEDS_PARENTS, or an error if it already is. */
int layer_needs_parents(struct layer *layer, const char *path, const char *reason, struct err *err);

/* Takes the mark off a folder that the archive has named, or that nothing below lends its owner and mode to. */
int layer_unmark_implied(int parent, const char *name, struct err *err);

/* Counts an inode against the limit on entries. */
int layer_count_inode(struct layer *layer, struct err *err);

#endif
