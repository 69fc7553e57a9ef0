#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"
#include "tests/fake-runtime/fake.h"
#include "tests/fake-runtime/json.h"

/* One line of the folder's file `state`: init's pid, its start time, the bundle. */
struct container {
  pid_t init;
  uint64_t start_time;
  char bundle[PATH_MAX];
};

static void file_in(const struct call *call, const char *name, char path[PATH_MAX + 16])
{
  snprintf(path, PATH_MAX + 16, "%s/%s", call->folder, name);
}

static int load(const struct call *call, struct container *container, struct err *err)
{
  char path[PATH_MAX + 16];
  file_in(call, "state", path);
  _cleanup_free_ char *text = read_whole(path);
  if (!text || sscanf(text, "%d %" SCNu64 " %4095[^\n]", &container->init, &container->start_time, container->bundle) != 3)
    return err_set(err, ENOENT, "container %s does not exist", call->id);
  return 0;
}

static int save(const struct call *call, pid_t init, struct err *err)
{
  char path[PATH_MAX + 16];
  uint64_t start_time;
  if (proc_start_time(init, &start_time, err) < 0)
    return -err->code;
  file_in(call, "state", path);
  _cleanup_file_ FILE *file = fopen(path, "we");
  if (!file || fprintf(file, "%d %" PRIu64 " %s\n", (int)init, start_time, call->bundle) < 0 || fflush(file) != 0)
    return err_set(err, errno, "write %s", path);
  return 0;
}

static bool lives(const struct container *container)
{
  struct proc_identity identity;
  return proc_identify(container->init, &identity, NULL) == 0 && !identity.ended &&
         identity.start_time == container->start_time;
}

/* The process that a JSON file holds: the file's own, or its member `process`. */
static int read_program(const struct call *call, const char *path, bool member, struct program *program, struct err *err)
{
  _cleanup_free_ char *text = read_whole(path);
  if (!text)
    return err_set(err, errno, "read %s", path);
  char mark[PATH_MAX + 32];
  snprintf(mark, sizeof(mark), "FAKE_CONTAINER=%s", call->folder);
  const char *value = json_begin(text);
  if (program_read(member ? json_member(value, "process") : value, mark, program, err) < 0)
    return -err->code;
  return process_check(program, err);
}

static int open_gates(const struct call *call, struct gates *gates, struct err *err)
{
  char path[PATH_MAX + 16];
  if (mkdir(call->root, 0700) < 0 && errno != EEXIST)
    return err_set(err, errno, "mkdir %s", call->root);
  if (mkdir(call->folder, 0700) < 0)
    return err_set(err, errno, "container with id %s", call->id);
  file_in(call, "start", path);
  if (mkfifo(path, 0600) < 0)
    return err_set(err, errno, "mkfifo %s", path);
  /* Open at both ends: init's read finds it open, and `start` finds a reader as long as init is there. */
  gates->start = open(path, O_RDWR | O_CLOEXEC);
  return gates->start < 0 || pipe2(gates->known, O_CLOEXEC) < 0 ? err_set(err, errno, "open %s", path) : 0;
}

static void remove_folder(const struct call *call)
{
  static const char *const names[] = {"start", "state"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char path[PATH_MAX + 16];
    file_in(call, names[i], path);
    unlink(path);
  }
  rmdir(call->folder);
}

int container_create(const struct call *call)
{
  struct err err;
  struct program program;
  char path[PATH_MAX + 16];
  snprintf(path, sizeof(path), "%s/config.json", call->bundle ? call->bundle : ".");
  struct misbehaviour how = misbehave(call->bundle ? call->bundle : ".", "create");
  if (!call->bundle || read_program(call, path, true, &program, &err) < 0)
    return call->bundle ? complain(&err) : 1;
  struct gates gates;
  if (open_gates(call, &gates, &err) < 0)
    return complain(&err);
  pid_t init = process_start(&program, call->console_socket, &gates, &err);
  if (init < 0 || save(call, init, &err) < 0 || write_full(gates.known[1], "k", 1) < 0) {
    remove_folder(call);
    return complain(&err);
  }
  return name_process(&how, call->pid_file, init, &err);
}

int container_restore(const struct call *call)
{
  struct err err;
  struct program program;
  char path[PATH_MAX + 16];
  const char *bundle = call->bundle ? call->bundle : ".";
  struct misbehaviour how = misbehave(bundle, "restore");
  snprintf(path, sizeof(path), "%s/config.json", bundle);
  if (!call->images || access(call->images, X_OK) < 0)
    err_set(&err, ENOENT, "the images of container %s", call->id);
  else if ((mkdir(call->root, 0700) < 0 && errno != EEXIST) || mkdir(call->folder, 0700) < 0)
    err_set(&err, errno, "container with id %s", call->id);
  else if (read_program(call, path, true, &program, &err) == 0) {
    pid_t init = process_start(&program, call->console_socket, NULL, &err);
    if (init > 0 && save(call, init, &err) == 0)
      return name_process(&how, call->pid_file, init, &err);
  }
  return complain(&err);
}

int container_start(const struct call *call)
{
  struct err err;
  struct container container;
  if (load(call, &container, &err) < 0)
    return complain(&err);
  misbehave(container.bundle, "start");
  char path[PATH_MAX + 16];
  file_in(call, "start", path);
  /* Removed by the first start: a second one is refused. */
  _cleanup_fd_ int gate = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  int failed = gate < 0 ? -errno : write_full(gate, "s", 1);
  if (failed < 0 || unlink(path) < 0) {
    err_set(&err, failed < 0 ? -failed : errno, "cannot start a container that is not in the state created");
    return complain(&err);
  }
  return 0;
}

int container_exec(const struct call *call)
{
  struct err err;
  struct container container;
  struct program program;
  if (load(call, &container, &err) < 0)
    return complain(&err);
  struct misbehaviour how = misbehave(container.bundle, "exec");
  if (!lives(&container))
    err_set(&err, EINVAL, "cannot exec in a container that is not running");
  else if (!call->process_file)
    err_set(&err, EINVAL, "exec without --process");
  else if (read_program(call, call->process_file, false, &program, &err) == 0) {
    pid_t pid = process_start(&program, call->console_socket, NULL, &err);
    int status = 0;
    if (pid > 0)
      status = name_process(&how, call->pid_file, pid, &err);
    if (pid > 0 && (call->detach || status != 0))
      return status;
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return complain(&err);
}

int container_state(const struct call *call)
{
  struct err err;
  struct container container;
  char path[PATH_MAX + 16];
  if (load(call, &container, &err) < 0)
    return complain(&err);
  file_in(call, "start", path);
  bool alive = lives(&container);
  const char *started = access(path, F_OK) == 0 ? "created" : "running";
  printf("{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"pid\":%d,\"status\":\"%s\",\"bundle\":\"%s\"}\n", call->id,
         alive ? (int)container.init : 0, alive ? started : "stopped", container.bundle);
  return 0;
}

/* Whether the process was started for this container. */
static bool is_marked(const char *pid, const char *folder)
{
  char path[64];
  char text[16 * 1024];
  snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
  _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read_full(fd, text, sizeof(text));
  char mark[PATH_MAX + 32];
  int size = snprintf(mark, sizeof(mark), "FAKE_CONTAINER=%s", folder);
  /* With its final zero: the id of one container may begin another's. */
  return got > 0 && memmem(text, (size_t)got, mark, (size_t)size + 1) != NULL;
}

/* Signals every process of the container; gives how many there were. */
static int signal_all(const char *folder, int signum)
{
  int count = 0;
  _cleanup_dir_ DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc && (entry = readdir(proc));)
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_marked(entry->d_name, folder))
      count += kill(atoi(entry->d_name), signum) == 0;
  return count;
}

int container_kill(const struct call *call)
{
  struct err err;
  struct container container;
  if (load(call, &container, &err) < 0)
    return complain(&err);
  int signum = call->extra ? atoi(call->extra) : SIGTERM;
  bool found = call->all ? signal_all(call->folder, signum) > 0 : lives(&container) && kill(container.init, signum) == 0;
  if (found)
    return 0;
  err_set(&err, ESRCH, "container %s is not running", call->id);
  return complain(&err);
}

int container_delete(const struct call *call)
{
  struct err err;
  struct container container = {0};
  int loaded = load(call, &container, &err);
  if (loaded < 0 && !call->force)
    return complain(&err);
  if (loaded == 0 && !call->force && lives(&container)) {
    err_set(&err, EBUSY, "container %s is not stopped", call->id);
    return complain(&err);
  }
  /* An init that waits for its start has no mark yet. */
  if (loaded == 0 && lives(&container))
    kill(container.init, SIGKILL);
  while (signal_all(call->folder, SIGKILL) > 0)
    ;
  remove_folder(call);
  return 0;
}
