#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/scope.h"
#include "tests/test.h"

static int remove_tree(const char *path, struct err *err)
{
  _cleanup_wire_ struct wire_writer request = wire_writer(4096);
  wire_put_str(&request, path);
  struct wire_reader in = wire_reader(request.data, request.size);
  struct call call = {.reply_fd = -1};
  struct wire_writer out = wire_writer(16);
  return call_remove_tree(&call, &in, &out, err);
}

/* A chain of folders, each with a file: deeper than a path may be long, and than descriptors may be open. */
static bool dig(const char *top, int depth)
{
  int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < depth && fd >= 0; i++) {
    _cleanup_fd_ int parent = fd;
    _cleanup_fd_ int file = openat(parent, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    fd = file >= 0 && mkdirat(parent, "a-folder-with-a-name-of-some-length", 0700) == 0
             ? openat(parent, "a-folder-with-a-name-of-some-length", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
             : -1;
  }
  if (fd < 0)
    return false;
  close(fd);
  return true;
}

static bool a_very_deep_tree_goes(void)
{
  char top[] = "/tmp/launcher-tree-XXXXXX";
  CHECK(mkdtemp(top));
  CHECK(dig(top, 2000));
  struct rlimit before;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  struct rlimit few = {.rlim_cur = 256, .rlim_max = before.rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  struct err err = {0};
  int failed = remove_tree(top, &err);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(failed == 0);
  CHECK(access(top, F_OK) < 0 && errno == ENOENT);
  return true;
}

static bool names_like_those_of_moved_folders_are_no_trouble(void)
{
  char top[] = "/tmp/launcher-tree-XXXXXX";
  CHECK(mkdtemp(top));
  char taken[64];
  snprintf(taken, sizeof(taken), "%s/.removed-0", top);
  CHECK(mkdir(taken, 0700) == 0 && dig(taken, 200) && dig(top, 200));
  struct err err = {0};
  CHECK(remove_tree(top, &err) == 0);
  CHECK(access(top, F_OK) < 0);
  return true;
}

static bool a_relative_path_is_refused(void)
{
  struct err err = {0};
  CHECK(remove_tree("tmp", &err) == -EPROTO);
  CHECK(remove_tree("", &err) == -EPROTO);
  return true;
}

static bool what_is_below_a_file_is_not_there(void)
{
  struct err err = {0};
  CHECK(remove_tree("/proc/self/stat/below", &err) == 0);
  CHECK(remove_tree("/nowhere/at/all", &err) == 0);
  return true;
}

static const struct test_case cases[] = {
    {"a tree deeper than the open files goes", a_very_deep_tree_goes},
    {"names like those of moved folders are no trouble", names_like_those_of_moved_folders_are_no_trouble},
    {"a relative path is refused", a_relative_path_is_refused},
    {"what is below a file is not there", what_is_below_a_file_is_not_there},
};

TEST_MAIN("launcher-tree", cases)
