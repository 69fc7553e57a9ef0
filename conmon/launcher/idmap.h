/* Folders as a user namespace sees them: idmapped mounts (Linux 5.19 for overlay layers). */
#ifndef CONMON_LAUNCHER_IDMAP_H
#define CONMON_LAUNCHER_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/wire.h"

/* So many ids from `inside` of the namespace on are those from `outside` on. */
struct id_range {
  uint32_t inside;
  uint32_t outside;
  uint32_t size;
};

/* The kernel takes 340 ranges of each kind. */
enum { ID_RANGES = 340 };

struct id_map {
  uint32_t count;
  struct id_range ranges[ID_RANGES];
};

struct idmap {
  struct id_map uids;
  struct id_map gids;
};

/* Reads both maps, to be freed; whether there are none, which is no idmap, is told by the counts. NULL if it fails. */
struct idmap *idmap_decode(struct wire_reader *in, struct err *err);

/* A user namespace with the maps, held by the descriptor alone. */
int idmap_open(const struct idmap *map, struct err *err);

/* A mount of the folder, attached nowhere, whose owners are seen through the namespace. */
int idmap_clone(const char *folder, int userns, struct err *err);

#endif
