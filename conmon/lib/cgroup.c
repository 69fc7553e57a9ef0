#include "lib/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io.h"
#include "lib/scope.h"

/* A part of a text, without a zero at its end. */
struct span {
  const char *at;
  size_t size;
};

static bool span_is(struct span span, const char *text)
{
  return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

/* Takes what is before the separator off the front of the text; false at its end. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
  if (rest->size == 0)
    return false;
  const char *end = memchr(rest->at, separator, rest->size);
  part->at = rest->at;
  part->size = end ? (size_t)(end - rest->at) : rest->size;
  size_t taken = part->size + (end ? 1 : 0);
  rest->at += taken;
  rest->size -= taken;
  return true;
}

static bool has_word(struct span list, const char *word)
{
  for (struct span part; next_part(&list, ',', &part);)
    if (span_is(part, word))
      return true;
  return false;
}

/* The path in one hierarchy of /proc/<pid>/cgroup, `4:memory:/path` or `0::/path`; a path may have colons too. */
static bool find_path(const char *cgroups, const char *controller, struct span *path)
{
  struct span text = {cgroups, strlen(cgroups)};
  for (struct span line; next_part(&text, '\n', &line);) {
    struct span number;
    struct span names;
    if (!next_part(&line, ':', &number) || line.size == 0)
      continue;
    if (!next_part(&line, ':', &names) || line.size == 0 || *line.at != '/')
      continue;
    if (*controller ? has_word(names, controller) : span_is(number, "0") && names.size == 0) {
      *path = line;
      return true;
    }
  }
  return false;
}

/* A field of mountinfo: blanks and backslashes are written as \ooo. */
static bool unescape(struct span field, char *text, size_t size)
{
  size_t put = 0;
  for (size_t i = 0; i < field.size; put++) {
    if (put + 1 >= size)
      return false;
    const char *at = field.at + i;
    bool octal = *at == '\\' && field.size - i >= 4 && strspn(at + 1, "01234567") >= 3;
    text[put] = octal ? (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')) : *at;
    i += octal ? 4 : 1;
  }
  text[put] = '\0';
  return true;
}

/* The path below the root that a mount shows; false if the mount does not show it. */
static bool below(struct span path, const char *root, struct span *rest)
{
  size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
  if (path.size < length || memcmp(path.at, root, length) != 0 || (path.size > length && path.at[length] != '/'))
    return false;
  *rest = (struct span){path.at + length, path.size - length};
  if (span_is(*rest, "/"))
    rest->size = 0;
  return true;
}

/* One line of mountinfo: `35 31 0:32 ROOT POINT rw,… shared:9 - cgroup cgroup rw,memory`. */
static bool mount_shows(struct span line, const char *controller, struct span path, char *folder, size_t size)
{
  struct span fields[5];
  for (size_t i = 0; i < 5; i++)
    if (!next_part(&line, ' ', &fields[i]))
      return false;
  struct span part = {0};
  while (!span_is(part, "-"))
    if (!next_part(&line, ' ', &part))
      return false;
  struct span type;
  struct span source;
  if (!next_part(&line, ' ', &type) || !next_part(&line, ' ', &source))
    return false;
  if (*controller ? !span_is(type, "cgroup") || !has_word(line, controller) : !span_is(type, "cgroup2"))
    return false;
  char root[PATH_MAX];
  struct span rest;
  if (!unescape(fields[3], root, sizeof(root)) || !below(path, root, &rest) || !unescape(fields[4], folder, size))
    return false;
  size_t length = strlen(folder);
  if (length + rest.size >= size)
    return false;
  memcpy(folder + length, rest.at, rest.size);
  folder[length + rest.size] = '\0';
  return true;
}

bool cgroup_find(const char *theirs, const char *ours, const char *mounts, const char *controller, struct cgroup *found)
{
  struct span path;
  struct span own;
  found->v2 = !find_path(theirs, controller, &path);
  const char *hierarchy = found->v2 ? "" : controller;
  if (found->v2 && !find_path(theirs, hierarchy, &path))
    return false;
  if (find_path(ours, hierarchy, &own) && own.size == path.size && memcmp(own.at, path.at, own.size) == 0)
    return false;
  /* A process outside of our cgroup namespace: the path climbs above what any mount of ours shows. */
  if (path.size >= 3 && memcmp(path.at, "/..", 3) == 0 && (path.size == 3 || path.at[3] == '/'))
    return false;
  struct span text = {mounts, strlen(mounts)};
  for (struct span line; next_part(&text, '\n', &line);)
    if (mount_shows(line, hierarchy, path, found->folder, sizeof(found->folder)))
      return true;
  return false;
}

/* The text may end within a line: what is after the last newline is not looked at. */
static bool found_in(const char *theirs, const char *ours, char *mounts, const char *controller, struct cgroup *found)
{
  char *last = strrchr(mounts, '\n');
  if (!last)
    return false;
  char after = last[1];
  last[1] = '\0';
  bool there = cgroup_find(theirs, ours, mounts, controller, found);
  last[1] = after;
  return there;
}

/* A machine with many pods has megabytes of mountinfo, and each line of it costs; what init has mounted comes first. */
static bool find_mounted(const char *theirs, const char *ours, const char *controller, struct cgroup *found)
{
  _cleanup_fd_ int fd = open_once("/proc/self/mountinfo", O_RDONLY, 0);
  _cleanup_free_ char *text = NULL;
  size_t used = 0;
  for (size_t size = 8 * 1024; fd >= 0 && size <= 64u * 1024 * 1024; size *= 2) {
    char *grown = realloc(text, size);
    if (!grown)
      return false;
    text = grown;
    ssize_t got = read_full(fd, text + used, size - 1 - used);
    if (got <= 0)
      return false;
    used += (size_t)got;
    text[used] = '\0';
    if (found_in(theirs, ours, text, controller, found))
      return true;
  }
  return false;
}

/* The hierarchies of a machine are few; a path of each fits twice. */
#define CGROUPS_MAX (32 * 1024)

bool cgroup_of(pid_t pid, const char *controller, struct cgroup *found)
{
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
  char theirs[CGROUPS_MAX];
  char ours[CGROUPS_MAX];
  if (read_text(path, theirs, sizeof(theirs)) < 0 || read_text("/proc/self/cgroup", ours, sizeof(ours)) < 0)
    return false;
  return find_mounted(theirs, ours, controller, found);
}
