#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/fake-runtime/fake.h"

enum option_id { O_ROOT = 1, O_IGNORED, O_BUNDLE, O_PID_FILE, O_CONSOLE, O_PROCESS, O_IMAGES, O_DETACH, O_ALL, O_FORCE };

static const struct option known[] = {
    {"root", required_argument, NULL, O_ROOT},
    {"log", required_argument, NULL, O_IGNORED},
    {"log-format", required_argument, NULL, O_IGNORED},
    {"systemd-cgroup", no_argument, NULL, O_IGNORED},
    {"cgroup", required_argument, NULL, O_IGNORED},
    {"no-pivot", no_argument, NULL, O_IGNORED},
    {"no-new-keyring", no_argument, NULL, O_IGNORED},
    {"bundle", required_argument, NULL, O_BUNDLE},
    {"pid-file", required_argument, NULL, O_PID_FILE},
    {"console-socket", required_argument, NULL, O_CONSOLE},
    {"process", required_argument, NULL, O_PROCESS},
    {"image-path", required_argument, NULL, O_IMAGES},
    {"work-path", required_argument, NULL, O_IGNORED},
    {"file-locks", no_argument, NULL, O_IGNORED},
    {"detach", no_argument, NULL, O_DETACH},
    {"all", no_argument, NULL, O_ALL},
    {"force", no_argument, NULL, O_FORCE},
    {NULL, 0, NULL, 0},
};

static const struct {
  const char *name;
  int (*run)(const struct call *call);
} commands[] = {
    {"create", container_create}, {"start", container_start},   {"exec", container_exec},
    {"kill", container_kill},     {"delete", container_delete}, {"state", container_state},
    {"restore", container_restore},
};

int complain(const struct err *err)
{
  fprintf(stderr, "fake-runtime: %s: %s\n", err->msg, strerror(err->code));
  return 1;
}

char *read_whole(const char *path)
{
  _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) < 0)
    return NULL;
  char *text = malloc((size_t)about.st_size + 1);
  ssize_t got = text ? read_full(fd, text, (size_t)about.st_size) : -1;
  if (got < 0) {
    free(text);
    return NULL;
  }
  text[got] = '\0';
  return text;
}

static bool parse(int argc, char **argv, struct call *call)
{
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
    switch (option) {
    case O_ROOT: call->root = optarg; break;
    case O_BUNDLE: call->bundle = optarg; break;
    case O_PID_FILE: call->pid_file = optarg; break;
    case O_CONSOLE: call->console_socket = optarg; break;
    case O_PROCESS: call->process_file = optarg; break;
    case O_IMAGES: call->images = optarg; break;
    case O_DETACH: call->detach = true; break;
    case O_ALL: call->all = true; break;
    case O_FORCE: call->force = true; break;
    case O_IGNORED: break;
    default: return false;
    }
  if (argc - optind < 2 || argc - optind > 3 || !call->root)
    return false;
  call->command = argv[optind];
  call->id = argv[optind + 1];
  call->extra = optind + 2 < argc ? argv[optind + 2] : NULL;
  int size = snprintf(call->folder, sizeof(call->folder), "%s/%s", call->root, call->id);
  return size > 0 && (size_t)size < sizeof(call->folder);
}

int main(int argc, char **argv)
{
  struct call call = {0};
  if (!parse(argc, argv, &call)) {
    fprintf(stderr, "fake-runtime: a command line that it does not know\n");
    return 1;
  }
  for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
    if (strcmp(commands[i].name, call.command) == 0)
      return commands[i].run(&call);
  fprintf(stderr, "fake-runtime: no such command: %s\n", call.command);
  return 1;
}
