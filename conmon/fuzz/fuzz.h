/*
 * The frame of a fuzzer: seeded mutation of a corpus, guided by the edges that an input reaches (gcc's trace-pc).
 *   build/fuzz/NAME SECONDS SEED CORPUS...
 * A file of the corpus is one input in hex, white space ignored; one whose name ends in .txt has an input on each line
 * that begins with a word of letters, after it (the test vectors). Every input is run as it is first: those of crashes that were
 * mended stay as regressions. A crash, a failed FUZZ_CHECK and a hang print the input in hex, and the seed.
 */
#ifndef CONMON_FUZZ_FUZZ_H
#define CONMON_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Given by the target: its name, the longest input, and what is done with one. */
extern const char fuzz_name[];
extern const size_t fuzz_max;
void fuzz_one(const uint8_t *data, size_t size);

/* A property that holds for every input. */
#define FUZZ_CHECK(condition)                                     \
  do {                                                            \
    if (!(condition))                                             \
      fuzz_fail(__FILE__, __LINE__, #condition);                  \
  } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* Reads an input from its beginning; zeros when it is used up. */
struct fuzz_input {
  const uint8_t *data;
  size_t size;
};
uint8_t fuzz_byte(struct fuzz_input *in);
/* Up to `size` bytes; gives how many there were. */
size_t fuzz_bytes(struct fuzz_input *in, const uint8_t **bytes, size_t size);
/* A copy of exactly this size, with a final NUL, so that the sanitizer sees a read beyond it; to be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
