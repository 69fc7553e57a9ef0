#include "monitor/null.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/scope.h"
#include "tests/test.h"

static bool at_its_end(int fd)
{
  char byte;
  return read(fd, &byte, 1) == 0 && read(fd, &byte, 1) == 0;
}

static bool is_a_device_of_its_own(void)
{
  char folder[] = "/tmp/berth-null-XXXXXX";
  CHECK(mkdtemp(folder));
  struct err err;
  struct stat ours, other, nodes;
  _cleanup_fd_ int fd = null_open(folder, &err);
  _cleanup_fd_ int second = null_open(folder, &err);
  /* No name is left. */
  CHECK(rmdir(folder) == 0);
  CHECK(fd > 2 && second > 2 && fstat(fd, &ours) == 0 && fstat(second, &other) == 0 && stat("/dev/null", &nodes) == 0);
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && at_its_end(fd));
  if (geteuid() != 0)
    return true;
  CHECK(S_ISCHR(ours.st_mode) && ours.st_rdev == nodes.st_rdev && (ours.st_mode & 0777) == 0666);
  CHECK(ours.st_dev != nodes.st_dev || ours.st_ino != nodes.st_ino);
  CHECK(ours.st_ino != other.st_ino);
  return true;
}

static bool is_a_pipe_where_no_device_can_be(void)
{
  struct err err;
  struct stat about;
  _cleanup_fd_ int fd = null_open("/proc/self", &err);
  CHECK(fd > 2 && fstat(fd, &about) == 0 && S_ISFIFO(about.st_mode));
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) && at_its_end(fd));
  CHECK(fcntl(fd, F_GETPIPE_SZ) == sysconf(_SC_PAGESIZE));
  return true;
}

static const struct test_case cases[] = {
    {"stdin is a null device of its own, without a name", is_a_device_of_its_own},
    {"where no device can be made it is a pipe at its end", is_a_pipe_where_no_device_can_be},
};

TEST_MAIN("monitor-null", cases)
