#include "unpack/links.h"

#include <stdlib.h>

/* The file's place, or the free one that is to be its. Neighbours have neighbouring numbers: multiplying spreads them. */
static struct link_first *place_of(const struct links *links, ino_t inode)
{
  size_t i = (size_t)(((uint64_t)inode * 0x9e3779b97f4a7c15ULL) >> 32) & (links->room - 1);
  while (links->at[i].first != 0 && links->at[i].inode != inode)
    i = (i + 1) & (links->room - 1);
  return &links->at[i];
}

static int grow(struct links *links)
{
  struct links wider = {.room = links->room ? 2 * links->room : 256, .size = links->size};
  wider.at = calloc(wider.room, sizeof(*wider.at));
  if (!wider.at)
    return -1;
  for (size_t i = 0; i < links->room; i++)
    if (links->at[i].first != 0)
      *place_of(&wider, links->at[i].inode) = links->at[i];
  free(links->at);
  *links = wider;
  return 0;
}

uint64_t links_first(struct links *links, ino_t inode, uint64_t number)
{
  if (2 * links->size >= links->room && grow(links) < 0)
    return 0;
  struct link_first *place = place_of(links, inode);
  if (place->first == 0) {
    *place = (struct link_first){.inode = inode, .first = number};
    links->size++;
  }
  return place->first;
}

void links_free(struct links *links)
{
  free(links->at);
  *links = (struct links){0};
}
