#include "monitor/tree.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

/* A tree that forks faster than this many looks at /proc is left to the container's own end. */
#define ROUNDS_MAX 64
/* And the loop, which reads the container's output, is not held up for longer than this. */
#define BUDGET_MS 200

struct process {
  pid_t pid;
  pid_t parent;
  pid_t group;
  pid_t session;
  uint64_t start_time;
  bool member;
};

struct table {
  struct process *list;
  size_t count;
  size_t capacity;
};

static void table_free(struct table *table)
{
  free(table->list);
}

static bool read_process(pid_t pid, struct process *process)
{
  char path[64];
  char text[1024];
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  if (read_text(path, text, sizeof(text)) < 0)
    return false;
  const char *after_name = strrchr(text, ')');
  int parent;
  int group;
  int session;
  struct proc_identity identity;
  if (!after_name || sscanf(after_name + 1, " %*c %d %d %d", &parent, &group, &session) != 3)
    return false;
  if (proc_parse_stat(text, &identity) < 0 || identity.ended)
    return false;
  *process = (struct process){
      .pid = pid, .parent = parent, .group = group, .session = session, .start_time = identity.start_time};
  return true;
}

static int table_add(struct table *table, const struct process *process)
{
  if (table->count == table->capacity) {
    size_t capacity = table->capacity ? table->capacity * 2 : 128;
    struct process *grown = realloc(table->list, capacity * sizeof(*grown));
    if (!grown)
      return -ENOMEM;
    table->list = grown;
    table->capacity = capacity;
  }
  table->list[table->count++] = *process;
  return 0;
}

static int read_table(struct table *table)
{
  _cleanup_dir_ DIR *proc = opendir("/proc");
  if (!proc)
    return -errno;
  table->count = 0;
  for (struct dirent *entry; (entry = readdir(proc));) {
    struct process process;
    if (!isdigit((unsigned char)entry->d_name[0]) || !read_process(atoi(entry->d_name), &process))
      continue;
    if (table_add(table, &process) < 0)
      return -ENOMEM;
  }
  return 0;
}

static bool is_kin(const struct process *process, const struct process *member)
{
  return process->parent == member->pid || process->session == member->pid || process->group == member->pid;
}

/* A process that has been killed may be gone from the table: its own session and children must still be found. */
static void mark(struct table *table, const struct table *killed)
{
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = 0; i < table->count; i++) {
      struct process *process = &table->list[i];
      bool member = process->member;
      for (size_t k = 0; !member && k < killed->count; k++)
        member = is_kin(process, &killed->list[k]);
      for (size_t k = 0; !member && k < table->count; k++)
        member = table->list[k].member && is_kin(process, &table->list[k]);
      changed = changed || member != process->member;
      process->member = member;
    }
  }
}

static bool was_killed(const struct table *killed, const struct process *process)
{
  for (size_t i = 0; i < killed->count; i++)
    if (killed->list[i].pid == process->pid && killed->list[i].start_time == process->start_time)
      return true;
  return false;
}

/* Kills exactly the process that was seen, not a later one with its pid. */
static bool kill_process(const struct process *process)
{
  _cleanup_fd_ int pidfd = proc_pidfd_open(process->pid);
  uint64_t start_time;
  if (pidfd < 0 || proc_start_time(process->pid, &start_time, NULL) < 0 || start_time != process->start_time)
    return false;
  return proc_pidfd_signal(pidfd, SIGKILL) == 0;
}

int tree_kill(pid_t root)
{
  __attribute__((cleanup(table_free))) struct table table = {0};
  __attribute__((cleanup(table_free))) struct table killed = {0};
  struct process first = {.pid = root, .session = root, .group = root};
  /* Start time 0 matches no process: the root itself is found and killed like the others. */
  if (root <= 1 || table_add(&killed, &first) < 0)
    return -EINVAL;
  int total = 0;
  int64_t until = clock_monotonic_ms() + BUDGET_MS;
  for (int round = 0; round < ROUNDS_MAX && (round == 0 || clock_monotonic_ms() < until); round++) {
    int failed = read_table(&table);
    if (failed < 0)
      return failed;
    for (size_t i = 0; i < table.count; i++)
      table.list[i].member = table.list[i].pid == root;
    mark(&table, &killed);
    int fresh = 0;
    for (size_t i = 0; i < table.count; i++) {
      const struct process *process = &table.list[i];
      if (!process->member || was_killed(&killed, process))
        continue;
      if (table_add(&killed, process) < 0)
        return -ENOMEM;
      fresh += kill_process(process);
    }
    if (fresh == 0)
      break;
    total += fresh;
  }
  return total;
}
