#include "unpack/path.h"

#include <errno.h>

#include "tests/test.h"

static bool cleans_to(const char *name, const char *expected)
{
  char out[PATH_MAX];
  return path_clean(name, PATH_MAX - 1, out) == 0 && strcmp(out, expected) == 0;
}

static bool names_are_cleaned(void)
{
  CHECK(cleans_to("a/b", "a/b"));
  CHECK(cleans_to("./a//b/./", "a/b"));
  CHECK(cleans_to("/etc/passwd", "etc/passwd"));
  CHECK(cleans_to("a/../b", "b"));
  CHECK(cleans_to("a/b/../../c", "c"));
  CHECK(cleans_to("..a/b..", "..a/b.."));
  CHECK(cleans_to("", "") && cleans_to(".", "") && cleans_to("///", "") && cleans_to("a/..", ""));
  return true;
}

static bool names_that_leave_the_root_are_refused(void)
{
  char out[PATH_MAX];
  CHECK(path_clean("..", PATH_MAX - 1, out) == -EBADMSG);
  CHECK(path_clean("../a", PATH_MAX - 1, out) == -EBADMSG);
  CHECK(path_clean("/../a", PATH_MAX - 1, out) == -EBADMSG);
  CHECK(path_clean("a/../../b", PATH_MAX - 1, out) == -EBADMSG);
  return true;
}

static bool the_length_is_bounded(void)
{
  char out[PATH_MAX], name[2 * PATH_MAX];
  CHECK(path_clean("abc/d", 5, out) == 0);
  CHECK(path_clean("abc/de", 5, out) == -ENAMETOOLONG);
  memset(name, 'n', sizeof(name));
  name[sizeof(name) - 1] = '\0';
  CHECK(path_clean(name, sizeof(name), out) == -ENAMETOOLONG);
  name[PATH_MAX - 1] = '\0';
  CHECK(path_clean(name, sizeof(name), out) == 0 && strlen(out) == PATH_MAX - 1);
  return true;
}

static bool parents_and_bases(void)
{
  char out[PATH_MAX];
  path_parent("a/b/c", out);
  CHECK(strcmp(out, "a/b") == 0 && strcmp(path_base("a/b/c"), "c") == 0);
  path_parent("a", out);
  CHECK(strcmp(out, "") == 0 && strcmp(path_base("a"), "a") == 0);
  return true;
}

static bool whiteouts_are_told(void)
{
  CHECK(path_kind("a/b") == NAME_PLAIN && path_kind("") == NAME_PLAIN && path_kind("a/.who") == NAME_PLAIN);
  CHECK(path_kind("a/.wh.b") == NAME_WHITEOUT && strcmp(path_hidden("a/.wh.b"), "b") == 0);
  CHECK(path_kind(".wh..opq") == NAME_WHITEOUT && strcmp(path_hidden(".wh..opq"), ".opq") == 0);
  CHECK(path_kind(".wh..wh..opq") == NAME_OPAQUE && path_kind("a/.wh..wh..opq") == NAME_OPAQUE);
  CHECK(path_kind(".wh..wh.plnk") == NAME_SKIPPED && path_kind("a/.wh..wh.aufs") == NAME_SKIPPED);
  CHECK(path_kind(".wh..wh.plnk/12.34") == NAME_SKIPPED && path_kind("a/.wh..wh..opq/x") == NAME_SKIPPED);
  CHECK(path_kind(".wh.") == NAME_INVALID && path_kind("a/.wh..") == NAME_INVALID);
  CHECK(path_kind("a/.wh...") == NAME_INVALID);
  CHECK(path_kind(".wh....") == NAME_WHITEOUT);
  return true;
}

static const struct test_case cases[] = {
    {"names are cleaned", names_are_cleaned},
    {"names that leave the root are refused", names_that_leave_the_root_are_refused},
    {"the length is bounded", the_length_is_bounded},
    {"parents and bases", parents_and_bases},
    {"whiteouts are told", whiteouts_are_told},
};

TEST_MAIN("unpack-path", cases)
