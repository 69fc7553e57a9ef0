#include "unpack/path.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define WHITEOUT ".wh."
#define RESERVED ".wh..wh."
#define OPAQUE ".wh..wh..opq"

static bool starts_with(const char *text, const char *prefix)
{
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

int path_clean(const char *name, size_t max, char out[PATH_MAX])
{
  size_t size = 0;
  if (max > PATH_MAX - 1)
    max = PATH_MAX - 1;
  for (const char *at = name; *at != '\0';) {
    size_t length = strcspn(at, "/");
    if (length == 2 && at[0] == '.' && at[1] == '.') {
      if (size == 0)
        return -EBADMSG;
      while (size > 0 && out[--size] != '/')
        ;
    } else if (length > 0 && !(length == 1 && at[0] == '.')) {
      size_t slash = size > 0;
      if (size + slash + length > max)
        return -ENAMETOOLONG;
      if (slash)
        out[size++] = '/';
      memcpy(out + size, at, length);
      size += length;
    }
    at += length;
    at += *at == '/';
  }
  out[size] = '\0';
  return 0;
}

const char *path_base(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

void path_parent(const char *path, char out[PATH_MAX])
{
  const char *slash = strrchr(path, '/');
  size_t size = slash ? (size_t)(slash - path) : 0;
  memcpy(out, path, size);
  out[size] = '\0';
}

const char *path_hidden(const char *path)
{
  return path_base(path) + strlen(WHITEOUT);
}

enum name_kind path_kind(const char *path)
{
  const char *base = path_base(path);
  for (const char *at = path; at; at = strchr(at, '/')) {
    at += *at == '/';
    if (starts_with(at, RESERVED) && !(at == base && strcmp(base, OPAQUE) == 0))
      return NAME_SKIPPED;
  }
  if (strcmp(base, OPAQUE) == 0)
    return NAME_OPAQUE;
  if (!starts_with(base, WHITEOUT))
    return NAME_PLAIN;
  const char *hidden = path_hidden(path);
  if (hidden[0] == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
    return NAME_INVALID;
  return NAME_WHITEOUT;
}
