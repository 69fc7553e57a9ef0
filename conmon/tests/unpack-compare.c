/* Each case makes the same tree twice, changes one of the two, and looks at what is said of it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/io.h"
#include "tests/test.h"
#include "unpack/compare.h"
#include "unpack/layer.h"

static const struct timespec then[2] = {{1600000000, 5}, {1600000000, 5}};

static bool make_file(const char *name, const char *text)
{
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool ok = fd >= 0 && write_full(fd, text, strlen(text)) == 0 && futimens(fd, then) == 0;
  close(fd);
  return ok;
}

static bool give_time(const char *name)
{
  return utimensat(AT_FDCWD, name, then, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Everything that a layer may hold, in the folder that this process is in. */
static bool make_tree(void)
{
  CHECK(mkdir("d", 0755) == 0 && mkdir("d/deep", 0700) == 0 && mkdir("unnamed", 0755) == 0);
  CHECK(make_file("d/file", "some text\n") && make_file("d/empty", "") && make_file("d/deep/er", "x"));
  CHECK(link("d/file", "d/hard") == 0 && link("d/file", "hard") == 0);
  CHECK(make_file("alike", "some text\n") && make_file("twin", "some text\n"));
  CHECK(symlink("d/file", "link") == 0 && give_time("link"));
  CHECK(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0 && give_time("null"));
  CHECK(mknod("pipe", S_IFIFO | 0600, 0) == 0 && give_time("pipe"));
  CHECK(mknod("gone", S_IFCHR | 0600, makedev(0, 0)) == 0);
  CHECK(setxattr("d/file", "user.key", "value", 5, 0) == 0 && setxattr("d", "trusted.overlay.opaque", "y", 1, 0) == 0);
  CHECK(chown("d/empty", 7, 8) == 0 && give_time("d/deep") && give_time("d"));
  const struct timespec unnamed[2] = {UNNAMED_TIME, UNNAMED_TIME};
  CHECK(utimensat(AT_FDCWD, "unnamed", unnamed, 0) == 0 && give_time("."));
  return true;
}

static char base[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
  (void)st, (void)type, (void)walk;
  return remove(path);
}

static void remove_trees(void)
{
  if (chdir("/") == 0)
    nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Leaves this process in the second of two equal trees, "layer". */
static bool make_trees(void)
{
  snprintf(base, sizeof(base), "/tmp/unpack-compare-XXXXXX");
  CHECK(mkdtemp(base) && chdir(base) == 0 && mkdir("reference", 0755) == 0 && mkdir("layer", 0755) == 0);
  CHECK(chdir("reference") == 0 && make_tree() && chdir("../layer") == 0 && make_tree());
  return true;
}

/* What is said of the trees: "" if nothing, "path: what" of the first difference, "N: path: what" if there are more. */
static bool verdict(char *text, size_t size)
{
  struct err err = {0};
  struct compare compare = {.reference = open("../reference", O_PATH | O_DIRECTORY | O_CLOEXEC),
                            .layer = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  int result = compare_trees(&compare, &err);
  char count[32] = "";
  if (compare.differing > 1)
    snprintf(count, sizeof(count), "%d: ", (int)compare.differing);
  snprintf(text, size, "%s%s%s%s", count, compare.differing ? compare.named[0].path : "", compare.differing ? ": " : "",
           compare.differing ? compare.named[0].what : "");
  compare_free(&compare);
  close(compare.reference);
  close(compare.layer);
  if (result < 0)
    fprintf(stderr, "# %s: %s\n", err.msg, strerror(err.code));
  return result == 0;
}

static bool expect(bool changed, const char *said)
{
  char text[512] = "?";
  bool ok = changed && verdict(text, sizeof(text));
  remove_trees();
  if (!ok || strcmp(text, said) != 0)
    fprintf(stderr, "# it says \"%s\", not \"%s\"\n", text, said);
  CHECK(ok && strcmp(text, said) == 0);
  return true;
}

static bool equal_trees_are_equal(void)
{
  return expect(make_trees(), "");
}

static bool what_does_not_count(void)
{
  bool ok = make_trees() && give_time("unnamed") && utimensat(AT_FDCWD, "gone", then, AT_SYMLINK_NOFOLLOW) == 0 &&
            chmod("gone", 0) == 0 && setxattr("d", "trusted.overlay.origin", "x", 1, 0) == 0 &&
            setxattr("d", "trusted.overlay.impure", "y", 1, 0) == 0 && link("hard", "../elsewhere") == 0;
  return expect(ok, "");
}

static bool nothing_is_touched(void)
{
  CHECK(make_trees());
  struct stat before, after;
  char text[512];
  const struct timespec old[2] = {{1000, 0}, then[1]};
  CHECK(utimensat(AT_FDCWD, "d/file", old, 0) == 0 && utimensat(AT_FDCWD, "d", old, 0) == 0);
  CHECK(verdict(text, sizeof(text)) && strcmp(text, "") == 0);
  CHECK(stat("d/file", &after) == 0 && after.st_atime == 1000 && stat("d", &before) == 0 && before.st_atime == 1000);
  remove_trees();
  return true;
}

#define DAMAGE(name, change, said)                                 \
  static bool name(void)                                           \
  {                                                                \
    return expect(make_trees() && (change), said);                 \
  }

DAMAGE(other_byte, make_file("alike", "some texT\n"), "alike: contents differ from byte 8 on")
DAMAGE(emptied, truncate("d/deep/er", 0) == 0 && give_time("d/deep/er"), "d/deep/er: size is 0 instead of 1")
DAMAGE(other_mode, chmod("d/empty", 04755) == 0, "d/empty: mode is 4755 instead of 644")
DAMAGE(other_owner, chown("link", 1, 1) == 0, "3: hard: owner is 1:1 instead of 0:0")
DAMAGE(other_time, utimensat(AT_FDCWD, "alike", NULL, 0) == 0 && truncate("alike", 10) == 0 &&
                       utimensat(AT_FDCWD, "alike", (struct timespec[2]){{1, 0}, {1600000000, 6}}, 0) == 0,
       "alike: time of change is 1600000000.000000006 instead of 1600000000.000000005")
DAMAGE(folder_time, utimensat(AT_FDCWD, "d", (struct timespec[2]){{1, 0}, {2, 0}}, 0) == 0,
       "d: time of change is 2.000000000 instead of 1600000000.000000005")
DAMAGE(root_mode, chmod(".", 0711) == 0, ": mode is 711 instead of 755")
DAMAGE(other_target, unlink("link") == 0 && symlink("d/filE", "link") == 0 && give_time("link") && give_time("."),
       "link: leads to d/filE")
DAMAGE(other_device, unlink("null") == 0 && mknod("null", S_IFCHR | 0666, makedev(1, 5)) == 0 && give_time("null") &&
                         give_time("."),
       "null: device is 1,5 instead of 1,3")
DAMAGE(no_whiteout, unlink("gone") == 0 && make_file("gone", "") && give_time("."), "gone: is a file instead of a device")
DAMAGE(missing, unlink("pipe") == 0 && give_time("."), "pipe: is missing")
DAMAGE(missing_folder, unlink("d/deep/er") == 0 && rmdir("d/deep") == 0 && give_time("d"), "d/deep: is missing")
DAMAGE(one_more, make_file("d/deep/new", "") && give_time("d/deep"), "d/deep/new: does not belong to the layer")
DAMAGE(other_attribute, setxattr("d/file", "user.key", "valuE", 5, 0) == 0,
       "3: hard: attribute user.key has another value")
DAMAGE(no_attribute, removexattr("d", "trusted.overlay.opaque") == 0, "d: attribute trusted.overlay.opaque is missing")
DAMAGE(one_attribute_more, setxattr("d/empty", "user.new", "", 0, 0) == 0,
       "d/empty: attribute user.new does not belong to the layer")
DAMAGE(split_link, unlink("d/hard") == 0 && make_file("d/hard", "some text\n") &&
                       setxattr("d/hard", "user.key", "value", 5, 0) == 0 && give_time("d/hard") && give_time("d"),
       "d/hard: is no longer one file with its other names")
DAMAGE(joined_link, unlink("twin") == 0 && link("alike", "twin") == 0 && give_time("."),
       "twin: has become one file with another name")

static bool many_hard_links(void)
{
  bool ok = make_trees();
  for (int tree = 0; ok && tree < 2; tree++) {
    ok = chdir(tree ? "../layer" : "../reference") == 0 && mkdir("many", 0755) == 0;
    for (int i = 0; ok && i < 1000; i++) {
      char name[32], second[32];
      // The second tree has its inodes in another order.
      int number = tree ? 999 - i : i;
      snprintf(name, sizeof(name), "many/%03d", number);
      snprintf(second, sizeof(second), "many/%03d.", (number * 7) % 1000);
      ok = make_file(name, "") && link(name, second) == 0;
    }
    ok = ok && give_time("many") && give_time(".");
  }
  ok = ok && unlink("many/007.") == 0 && link("many/002", "many/007.") == 0 && give_time("many");
  return expect(ok, "many/007.: is no longer one file with its other names");
}

static bool no_more_than_some_are_named(void)
{
  bool ok = make_trees();
  for (int i = 0; ok && i < 100; i++) {
    char name[32];
    snprintf(name, sizeof(name), "d/deep/%03d", i);
    ok = make_file(name, "");
  }
  return expect(ok && give_time("d/deep"), "100: d/deep/000: does not belong to the layer");
}

static const struct test_case cases[] = {
    {"equal trees are equal", equal_trees_are_equal},
    {"notes of overlayfs, names elsewhere and times that no archive has named do not count", what_does_not_count},
    {"nothing is touched, not even times of access", nothing_is_touched},
    {"another byte", other_byte},
    {"an emptied file", emptied},
    {"another mode", other_mode},
    {"another owner", other_owner},
    {"another time", other_time},
    {"another time of a folder", folder_time},
    {"another mode of the root", root_mode},
    {"another target of a link", other_target},
    {"another device", other_device},
    {"a file in a whiteout's place", no_whiteout},
    {"a missing node", missing},
    {"a missing folder is one difference", missing_folder},
    {"a file too many", one_more},
    {"another value of an attribute, at each name of the file", other_attribute},
    {"a missing mark of overlayfs", no_attribute},
    {"an attribute too many", one_attribute_more},
    {"a hard link that became a file", split_link},
    {"a file that became a hard link", joined_link},
    {"one of many hard links that became another", many_hard_links},
    {"many differences are counted", no_more_than_some_are_named},
};

TEST_MAIN("unpack-compare", cases)
