/*
 * unpack: one process per layer.
 *
 *   unpack apply --staging DIR   reads a layer on stdin, keeps it as DIR/blob, makes DIR/diff of it (overlay form)
 *   unpack extract --staging DIR   the same without keeping the bytes: archives that are no layers
 *   unpack fixup --staging DIR [--merged DIR]   completes DIR/diff by what the layers below have
 *   unpack merge --staging DIR --merged DIR     applies DIR/blob over the layers below, which are mounted
 *   unpack root --from DIR --to DIR             gives a layer's own root the metadata of another's
 *   unpack compare --staging DIR --layer DIR    says what of the layer's folder is not as in DIR/diff
 *
 * Limits (limits.h has their defaults): --max-compressed, --max-expanded, --max-header, --max-path (bytes),
 * --max-entries, --max-ratio with --ratio-from (bytes), --max-cpu-seconds. --background 1: at the lowest priorities. One
 * JSON object on stdout says what came of it (report.h). Exit status 0: done; 1: failed; 2: wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/apply.h"
#include "unpack/compare.h"
#include "unpack/confine.h"
#include "unpack/fixup.h"
#include "unpack/options.h"
#include "unpack/report.h"
#include "unpack/tree.h"

static FILE *open_file(int dir, const char *name, int flags, const char *mode)
{
  _cleanup_fd_ int fd = openat(dir, name, flags | O_CLOEXEC, 0600);
  FILE *file = fd < 0 ? NULL : fdopen(fd, mode);
  if (file)
    steal_fd(&fd);
  return file;
}

/* The two passes of a merge read the blob twice: whiteouts concern the layers below, whatever their place. */
static int run_passes(struct options *options, struct layer *layer, int blob, struct layer_digests *digests,
                      struct err *err)
{
  bool merge = options->mode == MODE_MERGE;
  struct source source;
  if (merge) {
    source_init(&source, blob, -1, options->limits.compressed);
    int result = apply_layer(layer, &source, PASS_WHITEOUTS, digests, err);
    if (result < 0)
      return result;
    layer->entries = 0;
    if (lseek(blob, 0, SEEK_SET) < 0)
      return err_set(err, errno, "rewind the blob");
  }
  source_init(&source, merge ? blob : STDIN_FILENO, merge ? -1 : blob, options->limits.compressed);
  return apply_layer(layer, &source, merge ? PASS_OTHERS : PASS_ALL, digests, err);
}

/* Opens what is outside of the layer's folder, goes inside, and applies. */
static int run_apply(struct options *options, struct layer *layer, struct layer_digests *digests, struct err *err)
{
  bool merge = options->mode == MODE_MERGE;
  bool keeps = options->mode == MODE_APPLY;
  _cleanup_fd_ int staging = open(options->staging, O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int blob = -1;
  if (keeps || merge)
    blob = openat(staging, "blob", (merge ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL) | O_CLOEXEC, 0600);
  _cleanup_file_ FILE *times = open_file(staging, ".", O_RDWR | O_TMPFILE, "w+");
  _cleanup_file_ FILE *implied = merge ? NULL : open_file(staging, "implied", O_WRONLY | O_CREAT | O_EXCL, "w");
  if (staging < 0 || ((keeps || merge) && blob < 0) || !times || (!merge && !implied))
    return err_set(err, errno, "open the files of %.200s", options->staging);
  char diff[PATH_MAX];
  snprintf(diff, sizeof(diff), "%s/diff", options->staging);
  _cleanup_fd_ int root = confine(merge ? options->merged : diff, &options->limits, err);
  if (root < 0)
    return root;
  layer->root = root;
  layer->merged = merge;
  // The clock that files are dated by.
  clock_gettime(CLOCK_REALTIME_COARSE, &layer->started);
  layer->implied_list = implied;
  layer->dir_times = times;
  int result = run_passes(options, layer, blob, digests, err);
  close_fd(&layer->dir);
  if (result == 0 && implied && fflush(implied) != 0)
    result = err_set(err, errno, "write the list of implied parents");
  if (result == 0)
    report_layer(layer, digests);
  return result;
}

/* Nothing of the archive is read here, but names that it chose; /proc is needed, so the root stays. */
static int run_fixup(const struct options *options, struct err *err)
{
  struct fixup fixup = {.below = -1};
  _cleanup_fd_ int staging = open(options->staging, O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int diff = openat(staging, "diff", O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int merged = options->merged ? open(options->merged, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  _cleanup_file_ FILE *list = open_file(staging, "implied", O_RDONLY, "r");
  if (staging < 0 || diff < 0 || !list || (options->merged && merged < 0))
    return err_set(err, errno, "open the files of %.200s", options->staging);
  fixup.layer = diff;
  fixup.below = merged;
  fixup.list = list;
  int result = confine_self(&options->limits, err);
  if (result == 0)
    result = fixup_parents(&fixup, err);
  if (result == 0)
    report_fixup(fixup.needs_parents ? fixup.needs_path : NULL, "the layers below have a link there");
  return result;
}

static int run_root(const struct options *options, struct err *err)
{
  _cleanup_fd_ int from = open(options->from, O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int to = open(options->to, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (from < 0 || to < 0)
    return err_set(err, errno, "open %.200s", from < 0 ? options->from : options->to);
  int result = confine_self(&options->limits, err);
  if (result == 0)
    result = copy_metadata(from, to, options->to, err);
  if (result == 0)
    report_fixup(NULL, NULL);
  return result;
}

/* Neither folder is changed, and nothing is looked at but what is below them; /proc is needed for attributes. */
static int run_compare(const struct options *options, struct err *err)
{
  _cleanup_fd_ int staging = open(options->staging, O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int diff = openat(staging, "diff", O_PATH | O_DIRECTORY | O_CLOEXEC);
  _cleanup_fd_ int layer = open(options->layer, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (staging < 0 || diff < 0 || layer < 0)
    return err_set(err, errno, "open %.200s and %.200s", options->staging, options->layer);
  _cleanup_compare_ struct compare compare = {.reference = diff, .layer = layer};
  int result = confine_self(&options->limits, err);
  if (result == 0)
    result = compare_trees(&compare, err);
  if (result == 0)
    report_compare(&compare);
  return result;
}

/* A courtesy: where the kernel does not grant it, the work is done all the same. */
static void let_others_go_first(void)
{
  setpriority(PRIO_PROCESS, 0, 19);
  syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

/* Whether stdout has its object, and the layer that it is about. */
static struct {
  bool reported;
  struct layer layer;
} state;

/* libarchive ends the process when it gets no memory: the caller is told all the same. */
static void report_sudden_end(void)
{
  if (state.reported)
    return;
  struct err err;
  limits_exceed(state.layer.limits, "memory", CONFINE_MEMORY, "the layer needs too much memory", &err);
  report_failure(&err, &state.layer, NULL);
}

static int run_mode(struct options *options, struct layer *layer, struct layer_digests *digests, struct err *err)
{
  switch (options->mode) {
  case MODE_FIXUP:
    return run_fixup(options, err);
  case MODE_ROOT:
    return run_root(options, err);
  case MODE_COMPARE:
    return run_compare(options, err);
  case MODE_APPLY:
  case MODE_EXTRACT:
  case MODE_MERGE:
    break;
  }
  return run_apply(options, layer, digests, err);
}

int main(int argc, char **argv)
{
  struct err err = {0};
  struct options options;
  struct layer_digests digests = {0};
  if (options_parse(argc, argv, &options, &err) < 0) {
    fprintf(stderr, "unpack: %s\n", err.msg);
    return 2;
  }
  state.layer = (struct layer){.limits = &options.limits, .root = -1, .dir = -1};
  if (atexit(report_sudden_end) != 0)
    return 1;
  if (options.background > 0)
    let_others_go_first();
  int result = run_mode(&options, &state.layer, &digests, &err);
  if (result < 0)
    report_failure(&err, &state.layer, &digests);
  state.reported = true;
  return fflush(stdout) != 0 || result < 0;
}
