/* Which names of a tree are one file. */
#ifndef CONMON_UNPACK_LINKS_H
#define CONMON_UNPACK_LINKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file of several names, and the number of the name by which it was met first. A number of 0: the place is free. */
struct link_first {
  ino_t inode;
  uint64_t first;
};

/* A hash table of them, at most half full; `room` is a power of two. */
struct links {
  struct link_first *at;
  size_t size, room;
};

/* The number of the file's first name: `number` (not 0) if it is met for the first time. 0 if there is no memory. */
uint64_t links_first(struct links *links, ino_t inode, uint64_t number);
void links_free(struct links *links);

#endif
