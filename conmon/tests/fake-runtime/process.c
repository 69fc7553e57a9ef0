#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "tests/fake-runtime/fake.h"

static const char *path_of(const struct program *program)
{
  for (char **at = program->env; *at; at++)
    if (strncmp(*at, "PATH=", 5) == 0)
      return *at + 5;
  return "/usr/bin:/bin";
}

int process_check(const struct program *program, struct err *err)
{
  const char *name = program->args[0];
  if (strchr(name, '/'))
    return access(name, X_OK) == 0 ? 0 : err_set(err, errno, "exec: \"%.200s\"", name);
  char file[PATH_MAX];
  for (const char *at = path_of(program); *at;) {
    size_t size = strcspn(at, ":");
    int put = snprintf(file, sizeof(file), "%.*s/%s", (int)size, at, name);
    if (put > 0 && (size_t)put < sizeof(file) && access(file, X_OK) == 0)
      return 0;
    at += size + (at[size] == ':');
  }
  return err_set(err, ENOENT, "exec: \"%.200s\": executable file not found in $PATH", name);
}

static int send_master(const char *path, int master, struct err *err)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || strlen(path) >= sizeof(address.sun_path))
    return err_set(err, EINVAL, "a terminal without a console socket");
  strcpy(address.sun_path, path);
  _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
    return err_set(err, errno, "connect to %s", path);
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  char name[] = "/dev/ptmx";
  struct iovec data = {.iov_base = name, .iov_len = sizeof(name)};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &master, sizeof(master));
  return sendmsg(fd, &message, 0) < 0 ? err_set(err, errno, "send the terminal") : 0;
}

/* The terminal's near end; its master is sent away. */
static int open_terminal(const char *console_socket, struct err *err)
{
  _cleanup_fd_ int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  char name[64];
  if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0)
    return err_set(err, errno, "open a terminal");
  _cleanup_fd_ int near = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (near < 0)
    return err_set(err, errno, "open %s", name);
  int failed = send_master(console_socket, master, err);
  return failed < 0 ? failed : steal_fd(&near);
}

static void __attribute__((noreturn)) run(const struct program *program, int terminal, const struct gates *gates)
{
  setsid();
  char byte;
  if (gates && (close(gates->known[1]) < 0 || read_full(gates->known[0], &byte, 1) != 1 || read_full(gates->start, &byte, 1) != 1))
    _exit(127);
  bool ready = true;
  if (terminal >= 0) {
    ready = ioctl(terminal, TIOCSCTTY, 0) == 0;
    for (int fd = 0; fd <= 2; fd++)
      ready = dup2(terminal, fd) == fd && ready;
  }
  if (program->uid != 0 || program->gid != 0)
    ready = ready && setgroups(0, NULL) == 0 && setgid(program->gid) == 0 && setuid(program->uid) == 0;
  if (ready && chdir(program->cwd) == 0) {
    environ = program->env;
    execvp(program->args[0], program->args);
  }
  _exit(127);
}

pid_t process_start(const struct program *program, const char *console_socket, const struct gates *gates, struct err *err)
{
  _cleanup_fd_ int terminal = -1;
  if (program->terminal && (terminal = open_terminal(console_socket, err)) < 0)
    return terminal;
  pid_t pid = fork();
  if (pid == 0)
    run(program, terminal, gates);
  return pid < 0 ? err_set(err, errno, "fork") : pid;
}
