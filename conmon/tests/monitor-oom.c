#include "monitor/oom.h"

#include "tests/test.h"

static bool counts(void)
{
  uint64_t count;
  CHECK(oom_parse_count("low 0\nhigh 0\nmax 3\noom 2\noom_kill 17\noom_group_kill 1\n", &count) && count == 17);
  CHECK(oom_parse_count("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", &count) && count == 0);
  CHECK(!oom_parse_count("oom_kill_disable 0\nunder_oom 0\n", &count));
  CHECK(!oom_parse_count("oom_kill", &count));
  CHECK(!oom_parse_count("oom_kill x\n", &count));
  CHECK(!oom_parse_count("", &count));
  return true;
}

static const char v1_mounts[] =
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
static const char v2_mounts[] = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char nested_mounts[] = "29 22 0:26 /outer /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

static bool folders(void)
{
  char folder[256];
  bool v2;
  CHECK(oom_find_folder("8:pids:/p\n4:memory:/a/b\n0::/u\n", v1_mounts, folder, sizeof(folder), &v2));
  CHECK(!v2 && strcmp(folder, "/sys/fs/cgroup/memory/a/b") == 0);
  CHECK(oom_find_folder("0::/pod/c\n", v2_mounts, folder, sizeof(folder), &v2));
  CHECK(v2 && strcmp(folder, "/sys/fs/cgroup/pod/c") == 0);
  CHECK(oom_find_folder("0::/outer/pod", nested_mounts, folder, sizeof(folder), &v2));
  CHECK(v2 && strcmp(folder, "/sys/fs/cgroup/pod") == 0);
  return true;
}

static bool no_folder(void)
{
  char folder[256];
  bool v2;
  CHECK(!oom_find_folder("", v2_mounts, folder, sizeof(folder), &v2));
  CHECK(!oom_find_folder("0::/x\n", "", folder, sizeof(folder), &v2));
  CHECK(!oom_find_folder("garbage\n:\n::\n", v1_mounts, folder, sizeof(folder), &v2) || v2);
  CHECK(!oom_find_folder("0::/pod\n", v2_mounts, folder, 8, &v2));
  CHECK(!oom_find_folder("4:memory:/x\n", v2_mounts, folder, sizeof(folder), &v2));
  return true;
}

static const struct test_case cases[] = {
    {"the counter is oom_kill and no other", counts},
    {"the memory cgroup is found on v1, v2 and below a root", folders},
    {"without one there is none", no_folder},
};

TEST_MAIN("monitor-oom", cases)
