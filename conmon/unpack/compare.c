#include "unpack/compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/scope.h"
#include "unpack/tree.h"

/* Names, one after another in `text`, each with its NUL. */
struct names {
  char *text;
  size_t size, room, count;
  /* In the order of their bytes, once they are sorted. */
  char **at;
};

static void names_free(struct names *names)
{
  free(names->text);
  free(names->at);
}

#define _cleanup_names_ __attribute__((cleanup(names_free)))

static int by_bytes(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct names *names, const char *name)
{
  size_t size = strlen(name) + 1;
  if (names->room - names->size < size) {
    size_t room = 2 * names->room + size + 4096;
    char *text = realloc(names->text, room);
    if (!text)
      return -ENOMEM;
    names->text = text;
    names->room = room;
  }
  memcpy(names->text + names->size, name, size);
  names->size += size;
  names->count++;
  return 0;
}

static int sort_names(struct names *names)
{
  names->at = calloc(names->count + 1, sizeof(*names->at));
  if (!names->at)
    return -ENOMEM;
  char *name = names->text;
  for (size_t i = 0; i < names->count; i++, name += strlen(name) + 1)
    names->at[i] = name;
  if (names->count > 1)
    qsort(names->at, names->count, sizeof(*names->at), by_bytes);
  return 0;
}

/* 0, or -errno. */
static int list_names(int dir, struct names *names)
{
  _cleanup_fd_ int list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
  _cleanup_dir_ DIR *stream = list < 0 ? NULL : fdopendir(list);
  if (!stream)
    return -errno;
  steal_fd(&list);
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(stream);
    if (!entry)
      break;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    int result = add_name(names, entry->d_name);
    if (result < 0)
      return result;
  }
  return errno != 0 ? -errno : sort_names(names);
}

int compare_differs(struct compare *compare, struct err *err, const char *format, ...)
{
  if (compare->differing < COMPARE_NAMED) {
    struct difference *difference = &compare->named[compare->differing];
    difference->path = strdup(compare->path);
    if (!difference->path)
      return err_set(err, ENOMEM, "note a difference");
    va_list args;
    va_start(args, format);
    vsnprintf(difference->what, sizeof(difference->what), format, args);
    va_end(args);
  }
  compare->differing++;
  return 1;
}

/* Makes the path one of its folder's names; the length before, or -ENAMETOOLONG. */
static ssize_t enter_name(struct compare *compare, const char *name)
{
  size_t size = strlen(compare->path);
  int added = snprintf(compare->path + size, sizeof(compare->path) - size, "%s%s", size > 0 ? "/" : "", name);
  if (added >= 0 && (size_t)added < sizeof(compare->path) - size)
    return (ssize_t)size;
  compare->path[size] = '\0';
  return -ENAMETOOLONG;
}

/* The folders of the current path, both opened. */
struct pair {
  int reference, layer;
};

/* One name that at least one of the two has. What is to be gone down into is added to `folders`. */
static int compare_name(struct compare *compare, const struct pair *at, const char *reference, const char *layer,
                        struct names *folders, struct err *err)
{
  const char *name = reference ? reference : layer;
  ssize_t before = enter_name(compare, name);
  if (before < 0)
    return err_set(err, ENAMETOOLONG, "%.200s...", compare->path);
  compare->entries++;
  bool both_folders = false;
  int result;
  if (!layer)
    result = compare_differs(compare, err, "is missing");
  else if (!reference)
    result = compare_differs(compare, err, "does not belong to the layer");
  else
    result = compare_entry(compare, at->reference, at->layer, name, &both_folders, err);
  compare->path[before] = '\0';
  if (result >= 0 && both_folders && add_name(folders, name) < 0)
    return err_set(err, ENOMEM, "note a folder");
  return result;
}

/* Both lists are in order: what one has and the other has not shows where they part. */
static int compare_lists(struct compare *compare, const struct pair *at, const struct names *reference,
                         const struct names *layer, struct names *folders, struct err *err)
{
  for (size_t i = 0, j = 0; i < reference->count || j < layer->count;) {
    int order = i == reference->count ? 1 : j == layer->count ? -1 : strcmp(reference->at[i], layer->at[j]);
    int result = compare_name(compare, at, order <= 0 ? reference->at[i] : NULL, order >= 0 ? layer->at[j] : NULL,
                              folders, err);
    if (result < 0)
      return result;
    i += order <= 0;
    j += order >= 0;
  }
  return 0;
}

/* Compares what the folders of the current path hold; closes them before it goes down, so that depth costs no descriptors. */
static int compare_folder(struct compare *compare, struct names *folders, struct err *err)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC;
  _cleanup_fd_ int reference = open_in_root(compare->reference, compare->path, flags, RESOLVE_NO_SYMLINKS);
  _cleanup_fd_ int layer = open_in_root(compare->layer, compare->path, flags, RESOLVE_NO_SYMLINKS);
  _cleanup_names_ struct names expected = {0}, found = {0};
  int result = reference < 0 ? reference : list_names(reference, &expected);
  if (result < 0)
    return err_set(err, -result, "list %.200s", compare->path);
  result = layer < 0 ? layer : list_names(layer, &found);
  if (result == -ENOMEM)
    return err_set(err, ENOMEM, "list %.200s", compare->path);
  if (result < 0)
    return compare_differs(compare, err, "cannot be listed: %s", strerror(-result));
  const struct pair at = {reference, layer};
  return compare_lists(compare, &at, &expected, &found, folders, err);
}

/* A layer is at most as deep as a name is long: half of PATH_MAX. */
static int compare_below(struct compare *compare, struct err *err)
{
  _cleanup_names_ struct names folders = {0};
  int result = compare_folder(compare, &folders, err);
  const char *name = folders.text;
  for (size_t i = 0; result >= 0 && i < folders.count; i++, name += strlen(name) + 1) {
    ssize_t before = enter_name(compare, name);
    // It has fitted before.
    if (before < 0)
      return err_set(err, ENAMETOOLONG, "%.200s...", compare->path);
    result = compare_below(compare, err);
    compare->path[before] = '\0';
  }
  return result;
}

int compare_trees(struct compare *compare, struct err *err)
{
  for (size_t i = 0; i < sizeof(compare->buffers) / sizeof(compare->buffers[0]); i++) {
    compare->buffers[i] = malloc(COMPARE_BUFFER);
    if (!compare->buffers[i])
      return err_set(err, ENOMEM, "get memory to compare");
  }
  bool both_folders = false;
  int result = compare_entry(compare, compare->reference, compare->layer, ".", &both_folders, err);
  if (result >= 0 && both_folders)
    result = compare_below(compare, err);
  return result < 0 ? result : 0;
}

void compare_free(struct compare *compare)
{
  for (size_t i = 0; i < sizeof(compare->buffers) / sizeof(compare->buffers[0]); i++)
    free(compare->buffers[i]);
  for (size_t i = 0; i < COMPARE_NAMED; i++)
    free(compare->named[i].path);
  links_free(&compare->reference_links);
  links_free(&compare->layer_links);
}
