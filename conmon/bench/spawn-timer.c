/*
 * Runs a command once for each byte on stdin, with nothing on its stdio, and prints how many microseconds it took, from
 * before it was spawned until it was reaped. Node's own spawn would add milliseconds that are not the command's.
 *   bench-spawn-timer COMMAND [ARGUMENT…]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/io.h"

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The wait status, or -errno. */
static int run(char *const argv[], const posix_spawn_file_actions_t *actions)
{
  pid_t pid;
  int status;
  int failed = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
  if (failed != 0)
    return -failed;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return -errno;
  return status;
}

int main(int argc, char **argv)
{
  posix_spawn_file_actions_t actions;
  char byte;
  if (argc < 2 || posix_spawn_file_actions_init(&actions) != 0)
    return 100;
  for (int fd = 0; fd <= 2; fd++)
    if (posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0) != 0)
      return 111;
  while (read_once(0, &byte, 1) == 1) {
    int64_t begun = now_us();
    int status = run(argv + 1, &actions);
    int64_t took = now_us() - begun;
    if (status != 0) {
      fprintf(stderr, "%s: %s\n", argv[1], status < 0 ? strerror(-status) : "it did not exit with 0");
      return 1;
    }
    printf("%" PRId64 "\n", took);
    fflush(stdout);
  }
  posix_spawn_file_actions_destroy(&actions);
  return 0;
}
