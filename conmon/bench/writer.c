/*
 * writer LENGTH TOTAL: lines of so many bytes (the newline included) to stdout, as fast as it is read, until TOTAL bytes are
 * written. `yes` would cost more than what it is to measure.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io.h"
#include "lib/scope.h"

#define BLOCK (256u * 1024)

static unsigned long long number(const char *text)
{
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  return errno != 0 || *end != '\0' ? 0 : value;
}

int main(int argc, char **argv)
{
  unsigned long long length = argc == 3 ? number(argv[1]) : 0;
  unsigned long long total = argc == 3 ? number(argv[2]) : 0;
  if (length == 0 || length > BLOCK || total == 0) {
    fprintf(stderr, "usage: writer LENGTH TOTAL, with a length of at most %u\n", BLOCK);
    return 100;
  }
  /* Whole lines, so that block follows block. */
  size_t size = BLOCK / length * length;
  _cleanup_free_ char *block = malloc(size);
  if (!block)
    return 111;
  memset(block, 'x', size);
  for (size_t at = length - 1; at < size; at += length)
    block[at] = '\n';
  while (total > 0) {
    size_t part = total < size ? (size_t)total : size;
    int failed = write_full(1, block, part);
    if (failed < 0) {
      fprintf(stderr, "writer: %s\n", strerror(-failed));
      return 111;
    }
    total -= part;
  }
  return 0;
}
