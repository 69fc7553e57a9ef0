/* What unpack says on stdout: one JSON object. */
#ifndef CONMON_UNPACK_REPORT_H
#define CONMON_UNPACK_REPORT_H

#include "unpack/apply.h"
#include "unpack/compare.h"

/* Prints a layer that is done, or what it needs its parents for. */
void report_layer(const struct layer *layer, const struct layer_digests *digests);
/* Prints what went wrong, at which entry, and which limit it was; digests may be NULL. */
void report_failure(const struct err *err, const struct layer *layer, const struct layer_digests *digests);
/* Prints the result of a fix-up; the path is NULL if all is well. */
void report_fixup(const char *needs_path, const char *reason);
/* Prints what was compared, how many paths differ, and the first of them. */
void report_compare(const struct compare *compare);

#endif
