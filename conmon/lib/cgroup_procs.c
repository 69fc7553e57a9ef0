#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/cgroup.h"
#include "lib/io.h"
#include "lib/scope.h"

static int join(char *path, size_t size, const char *folder, const char *name)
{
  int length = snprintf(path, size, "%s/%s", folder, name);
  return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int cgroup_visit(const char *folder, cgroup_visit_fn *visit, void *owner)
{
  char path[PATH_MAX];
  int failed = join(path, sizeof(path), folder, "cgroup.procs");
  if (failed < 0)
    return failed;
  _cleanup_file_ FILE *procs = fopen(path, "re");
  if (!procs)
    return -errno;
  int count = 0;
  for (int pid; fscanf(procs, "%d", &pid) == 1; count++) {
    /* 0 is a process of a pid namespace that we do not see; kill(2) would take it for our own group. */
    if (pid > 1)
      visit(owner, pid);
  }
  return count;
}

static void kill_one(void *owner, pid_t pid)
{
  (void)owner;
  kill(pid, SIGKILL);
}

int cgroup_signal_kill(const char *folder)
{
  int count = cgroup_visit(folder, kill_one, NULL);
  _cleanup_dir_ DIR *dir = count < 0 ? NULL : opendir(folder);
  for (const struct dirent *entry; dir && (entry = readdir(dir));) {
    char path[PATH_MAX];
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || join(path, sizeof(path), folder, entry->d_name) < 0)
      continue;
    int more = cgroup_signal_kill(path);
    count += more > 0 ? more : 0;
  }
  return count;
}

int cgroup_write(const char *folder, const char *file, const char *text)
{
  char path[PATH_MAX];
  int failed = join(path, sizeof(path), folder, file);
  return failed < 0 ? failed : write_text(path, text);
}
