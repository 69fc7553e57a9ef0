/*
 * Whole layers, unpacked into a tmpfs of the fuzzer's own, with the code that unpack has, its walls aside: what must
 * hold without them is that nothing beside the layer's folder changes. The first byte says how the rest is taken.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "lib/io.h"
#include "lib/scope.h"
#include "unpack/apply.h"
#include "unpack/tree.h"

const char fuzz_name[] = "layer";
#define MAX (32 * 1024)
const size_t fuzz_max = MAX;

/* How an input is taken. */
enum { MEND_CHECKSUMS = 1, MERGED = 2, WHITEOUTS_ONLY = 4, OTHERS_ONLY = 8 };

/* Every machine has this folder; the tmpfs hides it from this process alone. */
#define WORLD "/mnt"

/* Made for the first input. */
static struct world {
  bool ready;
  int dir;
  int blob;
  FILE *implied;
  FILE *times;
  /* Of the folder that holds the layer's and the other one: tmpfs counts the names in it. */
  off_t size;
  struct stat outside;
  /* The input as it is given to unpack. */
  uint8_t bytes[MAX];
} world;

static void must(bool held, const char *what)
{
  if (held)
    return;
  perror(what);
  exit(1);
}

/* The layer's folder and one that stands for the rest of the machine. */
static void make_world(void)
{
  umask(0);
  must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "unshare the mounts");
  must(mount("fuzz", WORLD, "tmpfs", MS_NODEV | MS_NOSUID, "size=64m,mode=0700") == 0, "mount a tmpfs");
  world.dir = open(WORLD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(world.dir >= 0 && mkdirat(world.dir, "outside", 0700) == 0, "make the folders");
  must(symlinkat("secret", world.dir, "outside/link") == 0, "make a link");
  world.blob = open(WORLD, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  int implied = open(WORLD, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  int times = open(WORLD, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  must(world.blob >= 0 && implied >= 0 && times >= 0, "make the files");
  world.implied = fdopen(implied, "w+");
  world.times = fdopen(times, "w+");
  must(world.implied && world.times, "open the files");
  struct stat both;
  must(mkdirat(world.dir, "layer", 0755) == 0 && fstat(world.dir, &both) == 0, "make the layer's folder");
  must(unlinkat(world.dir, "layer", AT_REMOVEDIR) == 0, "remove the layer's folder");
  world.size = both.st_size;
  must(fstatat(world.dir, "outside", &world.outside, 0) == 0, "look at the folder outside");
  world.ready = true;
}

/* Mutated headers would all fail by their checksums: whatever looks like one gets the sum that it should have. */
static void mend_checksums(uint8_t *data, size_t size)
{
  for (uint8_t *block = data; block + 512 <= data + size; block += 512) {
    bool ustar = memcmp(block + 257, "ustar", 5) == 0;
    // Headers of v7 have no magic: theirs are known by a checksum field that has its form.
    if (!ustar && !(block[0] != 0 && block[154] == 0 && block[155] == ' '))
      continue;
    memset(block + 148, ' ', 8);
    unsigned int sum = 0;
    for (size_t i = 0; i < 512; i++)
      sum += block[i];
    char text[16];
    snprintf(text, sizeof(text), "%06o", sum & 0777777);
    memcpy(block + 148, text, 7);
  }
}

static void write_blob(uint8_t how, const uint8_t *data, size_t size)
{
  memcpy(world.bytes, data, size);
  if (how & MEND_CHECKSUMS)
    mend_checksums(world.bytes, size);
  must(ftruncate(world.blob, 0) == 0 && lseek(world.blob, 0, SEEK_SET) == 0, "rewind the blob");
  must(write_full(world.blob, world.bytes, size) == 0 && lseek(world.blob, 0, SEEK_SET) == 0, "write the blob");
}

static void empty_file(FILE *file)
{
  rewind(file);
  must(ftruncate(fileno(file), 0) == 0, "empty a file");
}

static void check_outside(void)
{
  struct stat dir, outside;
  must(fstat(world.dir, &dir) == 0 && fstatat(world.dir, "outside", &outside, 0) == 0, "look outside");
  FUZZ_CHECK(dir.st_size == world.size);
  FUZZ_CHECK(outside.st_size == world.outside.st_size && outside.st_mode == world.outside.st_mode);
  FUZZ_CHECK(outside.st_uid == 0 && outside.st_mtim.tv_nsec == world.outside.st_mtim.tv_nsec);
}

static void unpack(uint8_t how, struct layer *layer)
{
  struct source source;
  struct layer_digests digests = {0};
  struct err err = {0};
  enum pass pass = how & WHITEOUTS_ONLY ? PASS_WHITEOUTS : how & OTHERS_ONLY ? PASS_OTHERS : PASS_ALL;
  source_init(&source, world.blob, -1, layer->limits->compressed);
  int result = apply_layer(layer, &source, layer->merged ? pass : PASS_ALL, &digests, &err);
  close_fd(&layer->dir);
  FUZZ_CHECK(result == 0 || (err.code > 0 && err.msg[0]));
  FUZZ_CHECK(strlen(digests.blob) == 64 && strlen(digests.diff) == 64);
  FUZZ_CHECK(layer->inodes <= layer->limits->entries + 1);
  check_outside();
  FUZZ_CHECK(tree_empty(layer, layer->root, &err) == 0);
  check_outside();
}

void fuzz_one(const uint8_t *data, size_t size)
{
  if (!world.ready)
    make_world();
  struct fuzz_input in = {data, size};
  uint8_t how = fuzz_byte(&in);
  write_blob(how, in.data, in.size < fuzz_max ? in.size : fuzz_max);
  empty_file(world.implied);
  empty_file(world.times);
  must(mkdirat(world.dir, "layer", 0755) == 0, "make the layer's folder");
  _cleanup_fd_ int root = openat(world.dir, "layer", O_PATH | O_DIRECTORY | O_CLOEXEC);
  must(root >= 0, "open the layer's folder");
  struct limits limits;
  limits_init(&limits);
  limits.expanded = 4 * 1024 * 1024;
  limits.entries = 500;
  limits.header = 64 * 1024;
  limits.cpu_seconds = UINT64_MAX;
  struct layer layer = {.root = root,
                        .merged = (how & MERGED) != 0,
                        .limits = &limits,
                        .implied_list = world.implied,
                        .dir_times = world.times,
                        .dir = -1};
  _cleanup_fd_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  unpack(how, &layer);
  // Attributes are set from within their folder, and the corpus is read from here.
  must(here >= 0 && fchdir(here) == 0, "go back");
  must(unlinkat(world.dir, "layer", AT_REMOVEDIR) == 0, "remove the layer's folder");
}
