/* What one layer may use. The caller sets each; an error names the limit, so that the caller can name the remedy. */
#ifndef CONMON_UNPACK_LIMITS_H
#define CONMON_UNPACK_LIMITS_H

#include <stdint.h>

#include "lib/error.h"

struct limits {
  /* Compressed bytes: the size that the manifest tells. */
  uint64_t compressed;
  /* Bytes of the tar; of each file and of all files together, holes included. */
  uint64_t expanded;
  /* Expanded bytes for each compressed one, looked at beyond so many expanded bytes. */
  uint64_t ratio;
  uint64_t ratio_from;
  /* Entries of the archive; inodes, implied parents included. */
  uint64_t entries;
  /* Bytes of one entry's headers: names, attributes, maps of holes. libarchive holds them in memory. */
  uint64_t header;
  /* Bytes of a name. */
  uint64_t path;
  /* Processor time, in seconds. How long bytes take to arrive is their source's affair. */
  uint64_t cpu_seconds;
  /* The limit that was exceeded, or NULL. */
  const char *exceeded;
};

/* What a caller that says nothing gets. */
void limits_init(struct limits *limits);

/* Notes the limit and gives -EOVERFLOW: "<what>: the limit <name> is <value>". */
int limits_exceed(struct limits *limits, const char *name, uint64_t value, const char *what, struct err *err);

/* Whether the bytes so far are too many, or too many for what they were expanded from. */
int limits_check_expanded(struct limits *limits, uint64_t expanded, uint64_t compressed, struct err *err);

/* Whether this process has computed for too long. */
int limits_check_time(struct limits *limits, struct err *err);

#endif
