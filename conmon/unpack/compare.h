/* Whether a layer's folder still is what its blob unpacks to: two folders, read only. */
#ifndef CONMON_UNPACK_COMPARE_H
#define CONMON_UNPACK_COMPARE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "unpack/links.h"

/* So many differences are named; the others are counted. */
#define COMPARE_NAMED 20

/* What is wrong with one path of the layer. */
struct difference {
  char *path;
  char what[160];
};

struct compare {
  /* The folder as it has to be, and the one that is looked at. */
  int reference, layer;
  /* The path that is looked at, below both roots; "" is the roots themselves. */
  char path[PATH_MAX];
  /* What was compared: names, and bytes of regular files. */
  uint64_t entries, bytes;
  /* Paths that differ; of a folder that is missing or too many, the folder only. */
  uint64_t differing;
  struct difference named[COMPARE_NAMED];
  struct links reference_links, layer_links;
  uint64_t next_link;
  /* Room for two pieces of data, or lists and values of attributes. */
  char *buffers[4];
};

/*
 * Compares type, mode, owner, size, time of change, device, link target, attributes, which names are one file, and
 * contents. Not compared: the time of last access; the time of folders that no archive has named (UNNAMED_TIME); of a
 * whiteout anything but that it is one; labels, which are the host's; what overlayfs notes of its layers, marks that
 * change what is seen excepted. What cannot be read in the layer differs; what cannot be read in the reference is an error.
 */
int compare_trees(struct compare *compare, struct err *err);
void compare_free(struct compare *compare);

/* Counts the current path as different, and keeps the reason if there is room. Gives 1, or -ENOMEM. */
int compare_differs(struct compare *compare, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Compares what has this name in both folders, but not what is in it: 0, 1 if it differs, or an error of the reference.
 * Sets whether both are folders.
 */
int compare_entry(struct compare *compare, int reference, int layer, const char *name, bool *both_folders,
                  struct err *err);

#define COMPARE_BUFFER (128 * 1024)

#define _cleanup_compare_ __attribute__((cleanup(compare_free)))

#endif
