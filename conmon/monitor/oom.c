#include "monitor/oom.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/io.h"
#include "lib/scope.h"

/* Whether the comma-separated list has the word. */
static bool has_word(const char *list, size_t size, const char *word)
{
  size_t length = strlen(word);
  for (const char *end = list + size; list < end;) {
    const char *comma = memchr(list, ',', (size_t)(end - list));
    size_t part = (size_t)((comma ? comma : end) - list);
    if (part == length && memcmp(list, word, length) == 0)
      return true;
    list += part + 1;
  }
  return false;
}

/* The path of one hierarchy in /proc/<pid>/cgroup: `4:memory:/path` or `0::/path`. */
static bool find_path(const char *cgroups, const char *controller, const char **path, size_t *size)
{
  for (const char *line = cgroups; *line;) {
    const char *end = strchrnul(line, '\n');
    const char *first = memchr(line, ':', (size_t)(end - line));
    const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
    if (second) {
      size_t names = (size_t)(second - first - 1);
      bool match = *controller ? has_word(first + 1, names, controller) : names == 0;
      if (match) {
        *path = second + 1;
        *size = (size_t)(end - second - 1);
        return true;
      }
    }
    line = *end ? end + 1 : end;
  }
  return false;
}

struct mount {
  char root[PATH_MAX];
  char point[PATH_MAX];
};

/* The mount of the memory controller (v1), or of the unified hierarchy (v2), in mountinfo. */
static bool find_mount(const char *mounts, bool v2, struct mount *found)
{
  static const char v1_type[] = " - cgroup ";
  static const char v2_type[] = " - cgroup2 ";
  for (const char *line = mounts; *line;) {
    const char *end = strchrnul(line, '\n');
    const char *type = memmem(line, (size_t)(end - line), v2 ? v2_type : v1_type, strlen(v2 ? v2_type : v1_type));
    bool match = type != NULL;
    if (match && !v2) {
      const char *options = memrchr(line, ' ', (size_t)(end - line));
      match = options && has_word(options + 1, (size_t)(end - options - 1), "memory");
    }
    if (match && sscanf(line, "%*d %*d %*s %4095s %4095s", found->root, found->point) == 2)
      return true;
    line = *end ? end + 1 : end;
  }
  return false;
}

bool oom_find_folder(const char *cgroups, const char *mounts, char *folder, size_t size, bool *v2)
{
  const char *path;
  size_t length;
  struct mount mount;
  *v2 = !find_path(cgroups, "memory", &path, &length);
  if (*v2 && !find_path(cgroups, "", &path, &length))
    return false;
  if (!find_mount(mounts, *v2, &mount))
    return false;
  /* Inside a container of its own the hierarchy is mounted from some folder down. */
  size_t root = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);
  if (root > 0 && length >= root && strncmp(path, mount.root, root) == 0) {
    path += root;
    length -= root;
  }
  int put = snprintf(folder, size, "%s%.*s", mount.point, (int)length, path);
  return put > 0 && (size_t)put < size;
}

bool oom_parse_count(const char *text, uint64_t *count)
{
  for (const char *line = text; *line;) {
    if (strncmp(line, "oom_kill ", 9) == 0)
      return sscanf(line + 9, "%" SCNu64, count) == 1;
    const char *end = strchrnul(line, '\n');
    line = *end ? end + 1 : end;
  }
  return false;
}

static bool read_count(int fd, uint64_t *count)
{
  char text[1024];
  ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
  if (got < 0)
    return false;
  text[got] = '\0';
  return oom_parse_count(text, count);
}

/* mountinfo has no bound that is worth a name; a machine with many pods has megabytes. */
static char *read_all(const char *path)
{
  for (size_t size = 16 * 1024; size <= 64u * 1024 * 1024; size *= 4) {
    char *text = malloc(size);
    if (!text)
      return NULL;
    ssize_t got = read_text(path, text, size);
    if (got >= 0)
      return text;
    free(text);
    if (got != -EFBIG)
      return NULL;
  }
  return NULL;
}

void oom_open(struct oom *oom, pid_t pid)
{
  oom->fd = -1;
  oom->baseline = 0;
  char path[64];
  char folder[PATH_MAX];
  char file[PATH_MAX + 32];
  bool v2;
  snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
  _cleanup_free_ char *cgroups = read_all(path);
  _cleanup_free_ char *mounts = read_all("/proc/self/mountinfo");
  if (!cgroups || !mounts || !oom_find_folder(cgroups, mounts, folder, sizeof(folder), &v2))
    return;
  snprintf(file, sizeof(file), "%s/%s", folder, v2 ? "memory.events" : "memory.oom_control");
  oom->fd = open(file, O_RDONLY | O_CLOEXEC);
  if (oom->fd >= 0 && !read_count(oom->fd, &oom->baseline))
    oom_close(oom);
}

bool oom_struck(const struct oom *oom)
{
  uint64_t count;
  return oom->fd >= 0 && read_count(oom->fd, &count) && count > oom->baseline;
}

void oom_close(struct oom *oom)
{
  close_fd(&oom->fd);
}
