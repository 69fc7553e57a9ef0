/*
 * copier FILE: what no monitor can be faster than by much. It reads up to 64 KiB from stdin, puts a prefix as long as a log
 * record's before each line, and writes the result to the file: no line is carried over, nothing is counted or looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/logfmt.h"
#include "monitor/pipes.h"

#define CHUNK (64u * 1024)

static uint8_t input[CHUNK];
/* The worst case: every byte a line. */
static uint8_t output[CHUNK * (LOG_PREFIX + 1)];

static size_t put_prefixes(size_t size)
{
  static const char prefix[LOG_PREFIX + 1] = "2006-01-02T15:04:05.999999999Z stdout F ";
  uint8_t *to = output;
  const uint8_t *end = input + size;
  for (const uint8_t *line = input; line < end;) {
    const uint8_t *newline = memchr(line, '\n', (size_t)(end - line));
    size_t length = (size_t)((newline ? newline + 1 : end) - line);
    memcpy(to, prefix, LOG_PREFIX);
    memcpy(to + LOG_PREFIX, line, length);
    to += LOG_PREFIX + length;
    line += length;
  }
  return (size_t)(to - output);
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: copier FILE\n");
    return 100;
  }
  /* A pipe as large as a container's: what is compared is the work of the reader, not the luck of the scheduler. */
  if (fcntl(0, F_SETPIPE_SZ, PIPE_LOG_SIZE) < 0) {
    fprintf(stderr, "copier: enlarge the pipe: %s\n", strerror(errno));
    return 111;
  }
  _cleanup_fd_ int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  ssize_t got = -1;
  while (fd >= 0 && (got = read_once(0, input, sizeof(input))) > 0)
    if (write_full(fd, output, put_prefixes((size_t)got)) < 0)
      return 111;
  if (got < 0)
    fprintf(stderr, "copier: %s: %s\n", argv[1], strerror(errno));
  return got < 0 ? 111 : 0;
}
