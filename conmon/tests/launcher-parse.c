#include <errno.h>

#include "launcher/namespace.h"
#include "launcher/network.h"
#include "tests/test.h"

static bool counters_are_read(void)
{
  struct interface_counters c;
  const char *line = "  eth0: 101 2 3 4 5 6 7 8 18446744073709551615 10 11 12 13 14 15 16\n";
  CHECK(parse_interface_line(line, &c) == 0);
  CHECK(strcmp(c.name, "eth0") == 0);
  CHECK(c.rx.bytes == 101 && c.rx.packets == 2 && c.rx.errors == 3 && c.rx.drops == 4);
  CHECK(c.tx.bytes == UINT64_MAX && c.tx.packets == 10 && c.tx.errors == 11 && c.tx.drops == 12);
  CHECK(parse_interface_line("lo:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", &c) == 0 && c.tx.bytes == 9);
  return true;
}

static bool headings_and_rubbish_are_refused(void)
{
  struct interface_counters c;
  CHECK(parse_interface_line("Inter-|   Receive                                                |  Transmit\n", &c) == -EINVAL);
  CHECK(parse_interface_line(" face |bytes    packets errs drop fifo frame compressed multicast|bytes\n", &c) == -EINVAL);
  CHECK(parse_interface_line("", &c) == -EINVAL);
  CHECK(parse_interface_line(":", &c) == -EINVAL);
  CHECK(parse_interface_line("eth0: 1 2 3", &c) == -EINVAL);
  CHECK(parse_interface_line("eth0: 1 2 3 4 5 6 7 8 9 10 11", &c) == -EINVAL);
  CHECK(parse_interface_line("an-interface-name-that-is-longer-than-any: 1 2 3 4 5 6 7 8 9 10 11 12", &c) == -EINVAL);
  return true;
}

static bool becomes(const char *name, const char *expected)
{
  char path[64];
  return sysctl_path(name, path, sizeof(path)) == 0 && strcmp(path, expected) == 0;
}

static bool sysctls_are_named_either_way(void)
{
  CHECK(becomes("net.ipv4.tcp_syncookies", "/proc/sys/net/ipv4/tcp_syncookies"));
  CHECK(becomes("net/ipv4/tcp_syncookies", "/proc/sys/net/ipv4/tcp_syncookies"));
  CHECK(becomes("net.ipv4.conf.eth0/1.rp_filter", "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"));
  CHECK(becomes("net/ipv4/conf/eth0.1/rp_filter", "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"));
  return true;
}

static bool paths_that_leave_proc_sys_are_refused(void)
{
  static const char *const wrong[] = {"", "/kernel/x", ".kernel", "kernel/../../x", "kernel..x", "net//x", "a/..",
                                      "a-name-that-is-far-too-long-for-the-room-that-this-test-gives-to-it"};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    char path[64];
    CHECK(sysctl_path(wrong[i], path, sizeof(path)) == -EINVAL);
  }
  return true;
}

static const struct test_case cases[] = {
    {"interface counters are read", counters_are_read},
    {"headings and rubbish are refused", headings_and_rubbish_are_refused},
    {"sysctls are named either way", sysctls_are_named_either_way},
    {"paths that leave /proc/sys are refused", paths_that_leave_proc_sys_are_refused},
};

TEST_MAIN("launcher-parse", cases)
