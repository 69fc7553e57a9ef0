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

static const struct test_case cases[] = {
    {"the counter is oom_kill and no other", counts},
};

TEST_MAIN("monitor-oom", cases)
