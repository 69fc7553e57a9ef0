#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "lib/scope.h"

#define EDGES (1u << 16)
#define POOL_MAX 8192
/* An input that takes longer hangs. */
#define HANG_SECONDS 10

struct input {
  uint8_t *data;
  size_t size;
};

/* Of the process: the coverage callback and the signal handlers have no other way to it. */
static struct fuzzer {
  uint8_t seen[EDGES];
  uintptr_t last;
  unsigned long edges;
  unsigned long runs;
  unsigned long watched;
  uint64_t seed;
  uint64_t random;
  struct input pool[POOL_MAX];
  size_t pool_size;
  /* The input at hand. */
  uint8_t *data;
  size_t size;
} fuzzer;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_set_death_callback(void (*callback)(void));

/* Called by the code under test at each of its edges. */
void __sanitizer_cov_trace_pc(void)
{
  uintptr_t here = (uintptr_t)__builtin_return_address(0);
  uintptr_t edge = (here ^ fuzzer.last) % EDGES;
  fuzzer.last = here >> 1;
  if (!fuzzer.seen[edge]) {
    fuzzer.seen[edge] = 1;
    fuzzer.edges++;
  }
}

static void print_input(void)
{
  fprintf(stderr, "\n# %s, seed %lu, execution %lu, input:\n", fuzz_name, (unsigned long)fuzzer.seed, fuzzer.runs);
  for (size_t i = 0; i < fuzzer.size; i++)
    fprintf(stderr, "%02x", fuzzer.data[i]);
  fprintf(stderr, "\n");
  fflush(stderr);
}

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
  fprintf(stderr, "# %s:%d: expected %s", file, line, condition);
  print_input();
  _exit(1);
}

/* The input that was at hand at the last look is at hand still. */
static void look_for_hang(int signum)
{
  (void)signum;
  if (fuzzer.watched == fuzzer.runs) {
    static const char text[] = "# it hangs";
    if (write(2, text, sizeof(text) - 1) > 0)
      print_input();
    _exit(1);
  }
  fuzzer.watched = fuzzer.runs;
}

static uint64_t next_random(void)
{
  fuzzer.random ^= fuzzer.random >> 12;
  fuzzer.random ^= fuzzer.random << 25;
  fuzzer.random ^= fuzzer.random >> 27;
  return fuzzer.random * 0x2545f4914f6cdd1du >> 16;
}

static size_t below(size_t max)
{
  return max > 0 ? (size_t)(next_random() % max) : 0;
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
  const uint8_t *byte;
  return fuzz_bytes(in, &byte, 1) == 1 ? *byte : 0;
}

size_t fuzz_bytes(struct fuzz_input *in, const uint8_t **bytes, size_t size)
{
  *bytes = in->data;
  size = size < in->size ? size : in->size;
  in->data += size;
  in->size -= size;
  return size;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
  char *text = malloc(size + 1);
  if (!text)
    abort();
  memcpy(text, data, size);
  text[size] = '\0';
  return text;
}

static void remember(void)
{
  uint8_t *copy = fuzzer.pool_size < POOL_MAX ? malloc(fuzzer.size + 1) : NULL;
  if (!copy)
    return;
  memcpy(copy, fuzzer.data, fuzzer.size);
  fuzzer.pool[fuzzer.pool_size++] = (struct input){copy, fuzzer.size};
}

/* Runs the input at hand, in memory of exactly its size. */
static void run_one(bool keep)
{
  unsigned long before = fuzzer.edges;
  uint8_t *exact = malloc(fuzzer.size > 0 ? fuzzer.size : 1);
  if (!exact)
    abort();
  memcpy(exact, fuzzer.data, fuzzer.size);
  fuzzer.last = 0;
  fuzzer.runs++;
  fuzz_one(exact, fuzzer.size);
  free(exact);
  if (keep || fuzzer.edges > before)
    remember();
}

static void resize_at(size_t at, size_t removed, size_t added)
{
  memmove(fuzzer.data + at + added, fuzzer.data + at + removed, fuzzer.size - at - removed);
  fuzzer.size += added;
  fuzzer.size -= removed;
}

static void overwrite(void)
{
  static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '/', '.', '=', '-', '0', '9', ' ', ':', ','};
  size_t at = below(fuzzer.size);
  switch (below(3)) {
  case 0: fuzzer.data[at] ^= (uint8_t)(1u << below(8)); break;
  case 1: fuzzer.data[at] = telling[below(sizeof(telling))]; break;
  default: fuzzer.data[at] = (uint8_t)next_random(); break;
  }
}

/* A length field, perhaps: a small number, or one about the size of the input. */
static void set_number(void)
{
  if (fuzzer.size < 4)
    return;
  size_t at = below(fuzzer.size - 3);
  uint32_t value = below(4) ? (uint32_t)below(fuzzer.size + 2) : (uint32_t)next_random();
  for (int i = 0; i < 4; i++)
    fuzzer.data[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

/* A piece of another input, of this one, or the same byte many times. */
static void insert(void)
{
  const struct input *from = &fuzzer.pool[below(fuzzer.pool_size)];
  size_t start = below(from->size);
  size_t room = fuzz_max - fuzzer.size;
  size_t size = 1 + below(below(16) ? 64 : fuzz_max);
  bool repeat = from->size == 0 || below(4) == 0;
  if (!repeat && size > from->size - start)
    size = from->size - start;
  if (size > room)
    size = room;
  size_t at = below(fuzzer.size + 1);
  resize_at(at, 0, size);
  if (repeat)
    memset(fuzzer.data + at, (int)(next_random() & 0xff), size);
  else
    memcpy(fuzzer.data + at, from->data + start, size);
}

static void delete(void)
{
  size_t at = below(fuzzer.size);
  size_t size = 1 + below(below(4) ? 16 : fuzzer.size - at);
  resize_at(at, size < fuzzer.size - at ? size : fuzzer.size - at, 0);
}

static void mutate(void)
{
  const struct input *from = &fuzzer.pool[below(fuzzer.pool_size)];
  memcpy(fuzzer.data, from->data, from->size);
  fuzzer.size = from->size;
  for (size_t times = 1 + below(6); times > 0; times--) {
    size_t how = below(8);
    if (fuzzer.size == 0 || how < 2)
      insert();
    else if (how < 3)
      delete();
    else if (how < 4)
      set_number();
    else
      overwrite();
  }
}

static void take_hex(const char *text)
{
  fuzzer.size = 0;
  for (; *text && fuzzer.size < fuzz_max; text++) {
    char digits[3] = {text[0], text[1], 0};
    if (isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1])) {
      fuzzer.data[fuzzer.size++] = (uint8_t)strtoul(digits, NULL, 16);
      text++;
    }
  }
  run_one(true);
}

static void take_file(const char *path)
{
  size_t length = strlen(path);
  bool lines = length > 4 && strcmp(path + length - 4, ".txt") == 0;
  _cleanup_file_ FILE *file = fopen(path, "re");
  if (!file) {
    perror(path);
    exit(1);
  }
  _cleanup_free_ char *line = NULL;
  size_t capacity = 0;
  while (getdelim(&line, &capacity, lines ? '\n' : '\0', file) > 0) {
    const char *last_word = strrchr(line, ' ');
    if (!lines)
      take_hex(line);
    else if (isalpha((unsigned char)*line) && last_word)
      take_hex(last_word + 1);
  }
}

static void take_path(const char *path)
{
  _cleanup_dir_ DIR *folder = opendir(path);
  if (!folder) {
    take_file(path);
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder));) {
    char file[4096];
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.')
      take_file(file);
  }
}

static double now(void)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fprintf(stderr, "usage: %s SECONDS SEED CORPUS...\n", argv[0]);
    return 100;
  }
  double end = now() + strtod(argv[1], NULL);
  fuzzer.seed = strtoul(argv[2], NULL, 10);
  fuzzer.random = fuzzer.seed * 0x9e3779b97f4a7c15u + 1;
  fuzzer.data = calloc(1, fuzz_max + 1);
  if (!fuzzer.data)
    return 1;
  __sanitizer_set_death_callback(print_input);
  signal(SIGALRM, look_for_hang);
  struct itimerval often = {{HANG_SECONDS, 0}, {HANG_SECONDS, 0}};
  setitimer(ITIMER_REAL, &often, NULL);
  run_one(true);
  for (int i = 3; i < argc; i++)
    take_path(argv[i]);
  while (now() < end)
    for (int i = 0; i < 64; i++) {
      mutate();
      run_one(false);
    }
  printf("ok fuzz %s: %lu executions, %lu edges, %zu inputs kept, seed %lu\n", fuzz_name, fuzzer.runs, fuzzer.edges,
         fuzzer.pool_size, (unsigned long)fuzzer.seed);
  for (size_t i = 0; i < fuzzer.pool_size; i++)
    free(fuzzer.pool[i].data);
  free(fuzzer.data);
  return 0;
}
