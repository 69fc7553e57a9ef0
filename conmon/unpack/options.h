/* unpack's command line. */
#ifndef CONMON_UNPACK_OPTIONS_H
#define CONMON_UNPACK_OPTIONS_H

#include "unpack/layer.h"

struct options {
  enum { MODE_APPLY, MODE_FIXUP, MODE_MERGE, MODE_ROOT, MODE_COMPARE, MODE_EXTRACT } mode;
  /* The folder that holds `diff`, `blob` and `implied`; of no concern to MODE_ROOT. */
  const char *staging;
  /* Of MODE_ROOT: a layer's folder, and the one that is to be like it. */
  const char *from, *to;
  /* Where the layers below are mounted, or NULL. */
  const char *merged;
  /* The folder that is compared with `diff`, or NULL. */
  const char *layer;
  /* Whether others go first, for the processor and for the disk: nobody waits for this. */
  uint64_t background;
  struct limits limits;
};

/* -EINVAL names the argument. */
int options_parse(int argc, char **argv, struct options *options, struct err *err);

#endif
