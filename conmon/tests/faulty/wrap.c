/* The calls that are bent, by the linker's --wrap: each asks the plan, then goes to the real one. tests/part.mk names them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tests/faulty/plan.h"

/* A wrapper: its body may fail, or change the arguments of, the real call. */
#define WRAP(type, name, parameters, arguments, ...)   \
  type __real_##name parameters;                      \
  type __wrap_##name parameters;                      \
  type __wrap_##name parameters                       \
  {                                                   \
    plan_strikes(F_DIE);                              \
    __VA_ARGS__;                                      \
    return __real_##name arguments;                   \
  }

/* The same without a point of death, for what is no system call. */
#define WRAP_MEMORY(name, parameters, arguments) \
  void *__real_##name parameters;                \
  void *__wrap_##name parameters;                \
  void *__wrap_##name parameters                 \
  {                                              \
    if (plan_strikes(F_ENOMEM)) {                \
      errno = ENOMEM;                            \
      return NULL;                               \
    }                                            \
    return __real_##name arguments;              \
  }

#define FAIL(fault, code)      \
  do {                         \
    if (plan_strikes(fault)) { \
      errno = code;            \
      return -1;               \
    }                          \
  } while (0)

#define FS_PROC 0x9fa0
#define FS_SYS 0x62656572
#define FS_CGROUP 0x27e0eb
#define FS_CGROUP2 0x63677270

/* The kernel's own files take a write as one command and give small answers whole. */
static bool is_command_file(int fd)
{
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && (fs.f_type == FS_PROC || fs.f_type == FS_SYS || fs.f_type == FS_CGROUP || fs.f_type == FS_CGROUP2);
}

int __real_fstat64(int fd, struct stat *about);
int __real_fcntl64(int fd, int command, long argument);

static bool is_kind(int fd, bool plain)
{
  struct stat about;
  if (__real_fstat64(fd, &about) < 0)
    return false;
  if (S_ISREG(about.st_mode))
    return plain && !is_command_file(fd);
  return !plain && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || S_ISCHR(about.st_mode));
}

static bool is_plain(int fd)
{
  return is_kind(fd, true);
}

static bool is_stream(int fd)
{
  return is_kind(fd, false);
}

static bool is_nonblocking(int fd)
{
  return is_stream(fd) && (__real_fcntl64(fd, F_GETFL, 0) & O_NONBLOCK);
}

static size_t cut(int fd, size_t size)
{
  return size > 1 && (is_plain(fd) || is_stream(fd)) && plan_strikes(F_SHORT) ? plan_pick(size - 1) : size;
}

WRAP(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), {
  FAIL(F_EINTR, EINTR);
  if (is_nonblocking(fd))
    FAIL(F_EAGAIN, EAGAIN);
  size = cut(fd, size);
})
WRAP(ssize_t, pread64, (int fd, void *data, size_t size, off_t at), (fd, data, size, at), FAIL(F_EINTR, EINTR))
WRAP(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), {
  FAIL(F_EINTR, EINTR);
  if (is_nonblocking(fd))
    FAIL(F_EAGAIN, EAGAIN);
  if (is_plain(fd))
    FAIL(F_ENOSPC, ENOSPC);
  size = cut(fd, size);
})
WRAP(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), {
  FAIL(F_EINTR, EINTR);
  if (is_nonblocking(fd))
    FAIL(F_EAGAIN, EAGAIN);
  if (is_plain(fd))
    FAIL(F_ENOSPC, ENOSPC);
  if (count > 0 && plan_strikes(F_SHORT)) {
    struct iovec first = {.iov_base = parts[0].iov_base, .iov_len = plan_pick(parts[0].iov_len)};
    return __real_writev(fd, &first, 1);
  }
})
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), {
  FAIL(F_EINTR, EINTR);
  FAIL(F_ENOSPC, ENOSPC);
  size = cut(fd, size);
})
WRAP(ssize_t, recv, (int fd, void *data, size_t size, int flags), (fd, data, size, flags), {
  FAIL(F_EINTR, EINTR);
  if (flags & MSG_DONTWAIT)
    FAIL(F_EAGAIN, EAGAIN);
  size = cut(fd, size);
})
WRAP(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags), {
  FAIL(F_EINTR, EINTR);
  if (flags & MSG_DONTWAIT)
    FAIL(F_EAGAIN, EAGAIN);
  size = cut(fd, size);
})
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), {
  FAIL(F_EINTR, EINTR);
  if (flags & MSG_DONTWAIT)
    FAIL(F_EAGAIN, EAGAIN);
  if (message->msg_iovlen > 0 && plan_strikes(F_SHORT)) {
    struct iovec first = {.iov_base = message->msg_iov[0].iov_base, .iov_len = plan_pick(message->msg_iov[0].iov_len)};
    struct msghdr part = *message;
    part.msg_iov = &first;
    part.msg_iovlen = 1;
    return __real_sendmsg(fd, &part, flags);
  }
})
/* What these wait for is there already, or it never comes: only a signal can be in the way. */
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), FAIL(F_EINTR, EINTR))
WRAP(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags), (fd, address, size, flags), FAIL(F_EINTR, EINTR))
WRAP(int, epoll_wait, (int epoll, struct epoll_event *events, int count, int ms), (epoll, events, count, ms), FAIL(F_EINTR, EINTR))
WRAP(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), FAIL(F_EINTR, EINTR))
WRAP(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options), FAIL(F_EINTR, EINTR))

WRAP(int, fsync, (int fd), (fd), {
  FAIL(F_EINTR, EINTR);
  FAIL(F_ENOSPC, ENOSPC);
})
WRAP(int, fdatasync, (int fd), (fd), {
  FAIL(F_EINTR, EINTR);
  FAIL(F_ENOSPC, ENOSPC);
})
WRAP(int, ftruncate64, (int fd, off_t size), (fd, size), FAIL(F_EINTR, EINTR))
/* It gives its error, and leaves errno alone. */
WRAP(int, posix_fallocate64, (int fd, off_t from, off_t size), (fd, from, size), {
  if (plan_strikes(F_EINTR))
    return EINTR;
  if (plan_strikes(F_ENOSPC))
    return ENOSPC;
})
WRAP(int, fstat64, (int fd, struct stat *about), (fd, about), (void)0)
WRAP(int, rename, (const char *from, const char *to), (from, to), FAIL(F_ENOSPC, ENOSPC))
WRAP(int, renameat, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to), FAIL(F_ENOSPC, ENOSPC))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), FAIL(F_ENOSPC, ENOSPC))
WRAP(int, unlink, (const char *path), (path), (void)0)
WRAP(int, rmdir, (const char *path), (path), (void)0)
WRAP(int, close, (int fd), (fd), (void)0)
WRAP(int, dup2, (int fd, int to), (fd, to), (void)0)
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), (void)0)
WRAP(int, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), FAIL(F_ENOSPC, ENOSPC))
WRAP(int, listen, (int fd, int backlog), (fd, backlog), (void)0)
WRAP(int, shutdown, (int fd, int how), (fd, how), (void)0)

WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), FAIL(F_ENOMEM, EMFILE))
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), FAIL(F_ENOMEM, EMFILE))
WRAP(int, epoll_create1, (int flags), (flags), FAIL(F_ENOMEM, EMFILE))
WRAP(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags), FAIL(F_ENOMEM, EMFILE))
WRAP(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event), (epoll, operation, fd, event), {
  if (operation == EPOLL_CTL_ADD)
    FAIL(F_ENOMEM, ENOMEM);
})
WRAP(int, execv, (const char *path, char *const argv[]), (path, argv), FAIL(F_ENOMEM, ENOMEM))

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
  plan_strikes(F_DIE);
  FAIL(F_ENOMEM, EAGAIN);
  pid_t pid = __real_fork();
  if (pid == 0)
    plan_leave();
  return pid;
}

int __real_openat64(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat64(int folder, const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static int open_faulty(int folder, const char *path, int flags, mode_t mode)
{
  plan_strikes(F_DIE);
  FAIL(F_EINTR, EINTR);
  FAIL(F_ENOMEM, EMFILE);
  if (flags & O_CREAT)
    FAIL(F_ENOSPC, ENOSPC);
  return __real_openat64(folder, path, flags, mode);
}

/* The mode is read where there is one only: it is no more than a number that is ignored elsewhere. */
static mode_t mode_in(int flags, va_list arguments)
{
  return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

int __wrap_openat64(int folder, const char *path, int flags, ...)
{
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_faulty(folder, path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_faulty(AT_FDCWD, path, flags, mode);
}

int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
  va_list arguments;
  va_start(arguments, command);
  long argument = va_arg(arguments, long);
  va_end(arguments);
  plan_strikes(F_DIE);
  if (command == F_DUPFD_CLOEXEC)
    FAIL(F_ENOMEM, EMFILE);
  return __real_fcntl64(fd, command, argument);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
  plan_strikes(F_DIE);
  if (number == SYS_pidfd_open)
    FAIL(F_ENOMEM, EMFILE);
  return __real_syscall(number, a, b, c, d, e, f);
}

WRAP_MEMORY(malloc, (size_t size), (size))
WRAP_MEMORY(calloc, (size_t count, size_t size), (count, size))
WRAP_MEMORY(realloc, (void *old, size_t size), (old, size))
