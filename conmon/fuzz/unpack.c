/* Names in layers, which come from strangers, and unpack's command line. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "lib/scope.h"
#include "unpack/options.h"
#include "unpack/path.h"

const char fuzz_name[] = "unpack";
const size_t fuzz_max = 6 * 1024;

/* No name leaves the root, and a clean one stays as it is. */
static void name(const char *text)
{
  char clean[PATH_MAX];
  char again[PATH_MAX];
  char parent[PATH_MAX];
  if (path_clean(text, PATH_MAX - 1, clean) < 0)
    return;
  size_t size = strlen(clean);
  FUZZ_CHECK(size < PATH_MAX && *clean != '/' && (size == 0 || clean[size - 1] != '/') && !strstr(clean, "//"));
  FUZZ_CHECK(path_clean(clean, PATH_MAX - 1, again) == 0 && strcmp(clean, again) == 0);
  path_parent(clean, parent);
  const char *base = path_base(clean);
  FUZZ_CHECK(strcmp(base, "..") != 0 && strcmp(base, ".") != 0 && !strchr(base, '/'));
  FUZZ_CHECK(strlen(parent) + (*parent ? 1 : 0) + strlen(base) == size);
  enum name_kind kind = path_kind(clean);
  if (kind != NAME_WHITEOUT)
    return;
  const char *hidden = path_hidden(clean);
  FUZZ_CHECK(*hidden && !strchr(hidden, '/') && strcmp(hidden, ".") != 0 && strcmp(hidden, "..") != 0);
}

static void options(char *text)
{
  char *argv[34] = {"unpack"};
  int argc = 1;
  char *rest = NULL;
  for (char *word = strtok_r(text, "\n", &rest); word && argc < 33; word = strtok_r(NULL, "\n", &rest))
    argv[argc++] = word;
  struct options parsed;
  struct err err = {0};
  if (options_parse(argc, argv, &parsed, &err) < 0)
    FUZZ_CHECK(err.code > 0 && err.msg[0]);
  else
    FUZZ_CHECK(parsed.mode == MODE_ROOT ? parsed.from && parsed.to
                                        : parsed.staging && (parsed.mode != MODE_MERGE || parsed.merged) &&
                                              (parsed.mode != MODE_COMPARE || parsed.layer));
}

void fuzz_one(const uint8_t *data, size_t size)
{
  struct fuzz_input in = {data, size};
  bool is_name = fuzz_byte(&in) % 4 != 0;
  _cleanup_free_ char *text = fuzz_text(in.data, in.size);
  if (is_name)
    name(text);
  else
    options(text);
}
