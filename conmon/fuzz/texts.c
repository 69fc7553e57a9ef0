/* What is read as text: the command line, pid files, /proc/<pid>/stat and cgroup, mountinfo, counters. The first byte says which. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "lib/cgroup.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"
#include "monitor/oom.h"
#include "monitor/options.h"
#include "monitor/pidfile.h"

const char fuzz_name[] = "texts";
const size_t fuzz_max = 8 * 1024;

#define ARGS_MAX 64

/* Arguments are the lines of the text. What is taken fits what its users count on. */
static void options(char *text)
{
  char *argv[ARGS_MAX + 2] = {"conmon"};
  int argc = 1;
  char *rest = NULL;
  for (char *word = strtok_r(text, "\n", &rest); word && argc <= ARGS_MAX; word = strtok_r(NULL, "\n", &rest))
    argv[argc++] = word;
  struct options options;
  struct err err = {0};
  /* getopt keeps its place from call to call. */
  optind = 0;
  if (options_parse(argc, argv, &options, &err) < 0) {
    FUZZ_CHECK(err.code > 0 && err.msg[0]);
    return;
  }
  FUZZ_CHECK(options.id && *options.id && options.bundle && *options.bundle == '/' && options.runtime && *options.runtime == '/');
  FUZZ_CHECK(strlen(options.socket) <= 95 && *options.exit_file == '/' && *options.pid_file == '/');
}

static void pid_file(const char *text, size_t size)
{
  _cleanup_fd_ int fd = memfd_create("pid", MFD_CLOEXEC);
  char path[64];
  pid_t pid;
  FUZZ_CHECK(fd >= 0 && write_full(fd, text, size) == 0);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  if (pidfile_read(path, &pid, NULL) == 0)
    FUZZ_CHECK(pid > 1);
}

static void cgroups(const char *text)
{
  /* The first empty line parts /proc/<pid>/cgroup from mountinfo. */
  const char *gap = strstr(text, "\n\n");
  _cleanup_free_ char *first = fuzz_text((const uint8_t *)text, gap ? (size_t)(gap + 1 - text) : strlen(text));
  struct cgroup found;
  static const char *const controllers[] = {"memory", "freezer", ""};
  for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
    if (cgroup_find(first, "", gap ? gap + 2 : "", controllers[i], &found))
      FUZZ_CHECK(memchr(found.folder, 0, sizeof(found.folder)));
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct fuzz_input in = {data, size};
  uint8_t which = fuzz_byte(&in);
  _cleanup_free_ char *text = fuzz_text(in.data, in.size);
  struct proc_identity identity;
  uint64_t count;
  switch (which % 5) {
  case 0: options(text); break;
  case 1: pid_file(text, in.size); break;
  case 2: proc_parse_stat(text, &identity); break;
  case 3: oom_parse_count(text, &count); break;
  default: cgroups(text); break;
  }
}
