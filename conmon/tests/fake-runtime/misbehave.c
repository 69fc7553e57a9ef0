#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/fake-runtime/fake.h"

static void sleep_ms(long ms)
{
  struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR)
    ;
}

/* As a runtime does that has much to say. Nobody may be listening. */
static void print(long size)
{
  char chunk[4096];
  memset(chunk, 'x', sizeof(chunk));
  while (size > 0) {
    size_t part = size < (long)sizeof(chunk) ? (size_t)size : sizeof(chunk);
    if (write_full(2, chunk, part) < 0)
      return;
    size -= (long)part;
  }
  if (write_full(2, "\n", 1) < 0)
    return;
}

static void hold_stderr(long ms)
{
  if (fork() != 0)
    return;
  close(0);
  close(1);
  sleep_ms(ms);
  _exit(0);
}

static void act(const char *word, const char *value, struct misbehaviour *how)
{
  long number = strtol(value, NULL, 10);
  if (strcmp(word, "stderr") == 0)
    print(number);
  else if (strcmp(word, "hold") == 0)
    hold_stderr(number);
  else if (strcmp(word, "sleep") == 0)
    sleep_ms(number);
  else if (strcmp(word, "exit") == 0)
    exit((int)number);
  else if (strcmp(word, "signal") == 0)
    raise((int)number);
  else if (strcmp(word, "leave") == 0)
    how->leave = (int)number;
  else if (strcmp(word, "no-pidfile") == 0)
    how->no_pid_file = true;
  else if (strcmp(word, "pidfile") == 0)
    how->other_pid = snprintf(how->pid_text, sizeof(how->pid_text), "%s", value) >= 0;
}

struct misbehaviour misbehave(const char *bundle, const char *command)
{
  struct misbehaviour how = {.leave = -1};
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/fake-%s", bundle, command);
  _cleanup_free_ char *text = read_whole(path);
  char *rest = NULL;
  for (char *word = text ? strtok_r(text, " \n", &rest) : NULL; word; word = strtok_r(NULL, " \n", &rest)) {
    char *value = word + strcspn(word, "=");
    if (*value)
      *value++ = '\0';
    act(word, value, &how);
  }
  return how;
}

int name_process(const struct misbehaviour *how, const char *path, pid_t pid, struct err *err)
{
  if (how->leave >= 0)
    return how->leave;
  if (how->no_pid_file || !path)
    return 0;
  char number[32];
  snprintf(number, sizeof(number), "%d", (int)pid);
  const char *text = how->other_pid ? how->pid_text : number;
  _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  int failed = fd < 0 ? -errno : write_full(fd, text, strlen(text));
  if (failed < 0) {
    err_set(err, -failed, "write %s", path);
    return complain(err);
  }
  return 0;
}
