#include "monitor/exec_group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A killed process takes a moment to end; one in a frozen container, or in the kernel's hands, may take for ever. */
#define ROUND_MS 10
#define ROUNDS_MAX 300

void exec_groups_open(struct exec_groups *groups, pid_t init)
{
  groups->use = cgroup_of(init, "freezer", &groups->container) ? GROUPS_UNTRIED : GROUPS_NONE;
}

/*
 * On v1 the option must take a controller: crun has `--cgroup` without, enters only those cgroups of the name that are
 * there, and leaves the process in the runtime's own cgroups everywhere else.
 */
void exec_groups_decide(struct exec_groups *groups, const char *help)
{
  const char *option = strstr(help, "--cgroup");
  bool takes = option && (groups->container.v2 || strstr(option, "[<controller>:]"));
  groups->use = takes ? GROUPS_BY_RUNTIME : GROUPS_AFTERWARDS;
}

/* A number is never used again: Linux 6.18 lets no process start in a cgroup that cgroup.kill has once emptied. */
static int group_folder(const struct exec_group *group, char *path, size_t size)
{
  int length = snprintf(path, size, "%s/" GROUP_NAME "%u", group->of->container.folder, group->number);
  return length > 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}

void exec_group_argument(const struct exec_group *group, char name[GROUP_NAME_SIZE])
{
  snprintf(name, GROUP_NAME_SIZE, "%s" GROUP_NAME "%u", group->of->container.v2 ? "" : "freezer:", group->number);
}

void exec_group_make(struct exec_group *group, const struct exec_groups *groups, struct loop *loop, unsigned int number)
{
  *group = (struct exec_group){.loop = loop, .of = groups, .number = number};
  char path[PATH_MAX];
  bool wanted = groups->use == GROUPS_BY_RUNTIME || groups->use == GROUPS_AFTERWARDS;
  if (!wanted || group_folder(group, path, sizeof(path)) < 0 || mkdir(path, 0755) < 0)
    group->of = NULL;
}

static void forget(struct exec_group *group)
{
  loop_disarm(group->loop, &group->timer);
  group->of = NULL;
}

static void move_to(const char *folder, pid_t pid)
{
  char text[16];
  snprintf(text, sizeof(text), "%d", (int)pid);
  /* It may have ended meanwhile, or the folder take no processes: then it stays where it is. */
  cgroup_write(folder, "cgroup.procs", text);
}

void exec_group_place(const struct exec_group *group, pid_t pid)
{
  char path[PATH_MAX];
  if (group->of && group->of->use == GROUPS_AFTERWARDS && group_folder(group, path, sizeof(path)) == 0)
    move_to(path, pid);
}

/* Frozen, nothing in it can fork between the look and the signal. */
static void kill_round(const struct exec_group *group, const char *path)
{
  bool v2 = group->of->container.v2;
  if (v2 && cgroup_write(path, "cgroup.kill", "1") == 0)
    return;
  const char *file = v2 ? "cgroup.freeze" : "freezer.state";
  cgroup_write(path, file, v2 ? "1" : "FROZEN");
  cgroup_signal_kill(path);
  cgroup_write(path, file, v2 ? "0" : "THAWED");
}

static void evict(void *owner, pid_t pid)
{
  const struct exec_group *group = owner;
  move_to(group->of->container.folder, pid);
}

static void next_round(void *owner)
{
  struct exec_group *group = owner;
  char path[PATH_MAX];
  if (!group->of)
    return;
  /* The end of the container, which removes what is below it, may have come first. */
  if (group_folder(group, path, sizeof(path)) < 0 || rmdir(path) == 0 || errno != EBUSY) {
    forget(group);
    return;
  }
  if (group->killed)
    kill_round(group, path);
  else
    cgroup_visit(path, evict, group);
  if (rmdir(path) == 0)
    forget(group);
  else if (++group->rounds < ROUNDS_MAX)
    loop_arm(group->loop, &group->timer, ROUND_MS, next_round, group);
}

void exec_group_kill(struct exec_group *group)
{
  group->killed = true;
  exec_group_leave(group);
}

void exec_group_leave(struct exec_group *group)
{
  group->rounds = 0;
  next_round(group);
}

bool exec_group_is_busy(const struct exec_group *group)
{
  return group->timer.fire != NULL;
}
