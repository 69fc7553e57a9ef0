#include "lib/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/test.h"

static const char v1_mounts[] =
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n";
static const char hybrid_mounts[] =
    "35 31 0:32 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
static const char v2_mounts[] = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

static struct cgroup found;

static bool finds(const char *theirs, const char *mounts, const char *controller, const char *folder)
{
  return cgroup_find(theirs, "", mounts, controller, &found) && strcmp(found.folder, folder) == 0;
}

static bool in_v1(void)
{
  const char *theirs = "8:pids:/p\n4:memory:/a/b\n3:cpu,cpuacct:/c\n2:name=systemd:/s\n";
  CHECK(finds(theirs, v1_mounts, "memory", "/sys/fs/cgroup/memory/a/b") && !found.v2);
  CHECK(finds(theirs, v1_mounts, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/c") && !found.v2);
  CHECK(finds("4:memory:/\n", v1_mounts, "memory", "/sys/fs/cgroup/memory"));
  CHECK(finds("4:memory:/with:colon/x\n", v1_mounts, "memory", "/sys/fs/cgroup/memory/with:colon/x"));
  /* pids has no mount; `cpu` is no part of a longer word. */
  CHECK(!cgroup_find(theirs, "", v1_mounts, "pids", &found));
  CHECK(!cgroup_find(theirs, "", v1_mounts, "acct", &found));
  return true;
}

static bool in_hybrid(void)
{
  const char *theirs = "6:freezer:/pod/c\n0::/pod/u\n";
  CHECK(finds(theirs, hybrid_mounts, "freezer", "/sys/fs/cgroup/freezer/pod/c") && !found.v2);
  CHECK(finds(theirs, hybrid_mounts, "memory", "/sys/fs/cgroup/unified/pod/u") && found.v2);
  return true;
}

static bool in_v2(void)
{
  CHECK(finds("0::/kubepods.slice/pod/c.scope\n", v2_mounts, "memory", "/sys/fs/cgroup/kubepods.slice/pod/c.scope") && found.v2);
  /* A named hierarchy has no controller either, and is not the unified one. */
  CHECK(!cgroup_find("1:name=systemd:/s\n", "", v2_mounts, "memory", &found));
  return true;
}

static bool below_a_root(void)
{
  const char *mounts =
      "28 22 0:26 /outermost /mnt/wrong rw - cgroup2 cgroup2 rw\n"
      "29 22 0:26 /outer /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
  CHECK(finds("0::/outer/pod", mounts, "memory", "/sys/fs/cgroup/pod"));
  CHECK(finds("0::/outer", mounts, "memory", "/sys/fs/cgroup"));
  CHECK(finds("0::/outermost/pod", mounts, "memory", "/mnt/wrong/pod"));
  CHECK(!cgroup_find("0::/outerspace/pod", "", mounts, "memory", &found));
  CHECK(!cgroup_find("0::/elsewhere", "", mounts, "memory", &found));
  /* Outside of our cgroup namespace. */
  CHECK(!cgroup_find("0::/../pod\n", "", v2_mounts, "memory", &found));
  CHECK(!cgroup_find("0::/..\n", "", v2_mounts, "memory", &found));
  CHECK(finds("0::/..pod\n", v2_mounts, "memory", "/sys/fs/cgroup/..pod"));
  return true;
}

static bool odd_names(void)
{
  const char *mounts =
      "28 22 0:25 / /mnt/a\\040-\\040cgroup2\\040x rw - tmpfs none rw,memory\n"
      "29 22 0:26 /r\\134\\011t /mnt/a\\040b\\012c rw shared:1 master:2 - cgroup2 none rw\n";
  CHECK(finds("0::/r\\\tt/x", mounts, "memory", "/mnt/a b\nc/x"));
  CHECK(finds("0::/x", "29 22 0:26 / /mnt/\\04 rw - cgroup2 none rw", "memory", "/mnt/\\04/x"));
  return true;
}

static bool our_own(void)
{
  CHECK(!cgroup_find("4:memory:/a\n", "4:memory:/a\n", v1_mounts, "memory", &found));
  CHECK(cgroup_find("4:memory:/a\n", "4:memory:/a/b\n", v1_mounts, "memory", &found));
  CHECK(cgroup_find("4:memory:/a/b\n", "4:memory:/a\n", v1_mounts, "memory", &found));
  CHECK(!cgroup_find("0::/a\n", "0::/a\n", v2_mounts, "memory", &found));
  CHECK(!cgroup_of(getpid(), "freezer", &found));
  return true;
}

static bool nonsense(void)
{
  static const char *const texts[] = {"", "\n\n", ":", "::", ":::\n", "0::", "0:", "0::x\n", "garbage", "0::/x", "4:memory:/x"};
  static const char *const mounts[] = {"", "\n", "-", " - ", "1 2 3 4 5 6", "1 2 3 / /p rw - cgroup2", "1 2 3 / /p rw -", "1 2 3 / /p rw - cgroup2 "};
  for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
    for (size_t m = 0; m < sizeof(mounts) / sizeof(mounts[0]); m++)
      CHECK(!cgroup_find(texts[t], texts[t], mounts[m], "memory", &found));
  char path[2 * PATH_MAX];
  memset(path, 'x', sizeof(path));
  memcpy(path, "0::/", 4);
  path[sizeof(path) - 1] = '\0';
  CHECK(!cgroup_find(path, "", v2_mounts, "memory", &found));
  return true;
}

static void sum(void *owner, pid_t pid)
{
  *(long *)owner += pid;
}

static bool processes(void)
{
  char folder[] = "/tmp/lib-cgroup-XXXXXX";
  char file[64];
  CHECK(mkdtemp(folder));
  long total = 0;
  CHECK(cgroup_visit(folder, sum, &total) == -ENOENT);
  snprintf(file, sizeof(file), "%s/cgroup.procs", folder);
  static const char text[] = "0\n100\n1\n2000\n";
  _cleanup_fd_ int procs = open(file, O_WRONLY | O_CREAT, 0600);
  CHECK(write_full(procs, text, sizeof(text) - 1) == 0);
  /* A pid that we cannot see is written as 0, and must never get a signal: it would be our own group's. */
  CHECK(cgroup_visit(folder, sum, &total) == 4 && total == 2100);
  CHECK(unlink(file) == 0 && rmdir(folder) == 0);
  return true;
}

static const struct test_case cases[] = {
    {"found in v1", in_v1},
    {"found in hybrid", in_hybrid},
    {"found in v2", in_v2},
    {"found below a mount's root, never beside it", below_a_root},
    {"mounts with blanks, newlines and backslashes", odd_names},
    {"our own is none", our_own},
    {"nonsense has none", nonsense},
    {"its processes, without those that we cannot see", processes},
};

TEST_MAIN("lib-cgroup", cases)
