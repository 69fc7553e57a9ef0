/* Each case tries calls in a child of its own, behind the filter; the child's exit status says what was wrong. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "unpack/confine.h"
#include "unpack/seccomp.h"

/* Runs the attempt behind the walls; its result, or 255 if the walls could not be raised. */
static int behind_walls(int (*attempt)(void), int (*raise_walls)(void))
{
  pid_t child = fork();
  // Not _exit: AddressSanitizer does more before it than the walls let through.
  if (child == 0)
    syscall(SYS_exit_group, raise_walls() == 0 ? attempt() : 255);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0)
    return 254;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int filter_only(void)
{
  struct err err;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : seccomp_enter(&err);
}

static int all_walls(void)
{
  struct err err;
  struct limits limits;
  limits_init(&limits);
  limits.expanded = limits.compressed = 4096;
  return confine_self(&limits, &err);
}

/* The place of the first call that was not denied, from 1; 0 if all were. */
static int try_denied(void)
{
  static const long calls[] = {
      SYS_execve, SYS_execveat, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_bpf,
      SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_clone, SYS_clone3, SYS_kill, SYS_tgkill, SYS_socket,
      SYS_connect, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_open_tree, SYS_move_mount, SYS_fsopen,
      SYS_fsmount, SYS_mount_setattr, SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_perf_event_open,
      SYS_userfaultfd, SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_memfd_create, SYS_prctl, SYS_seccomp,
      SYS_setuid, SYS_setresuid, SYS_capset, SYS_reboot, SYS_swapon, SYS_settimeofday, SYS_pidfd_open,
      SYS_pidfd_getfd, SYS_ioctl, SYS_renameat2, SYS_quotactl, SYS_acct, SYS_sethostname, SYS_syslog,
      SYS_personality,
  };
  for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
    if (syscall(calls[i], 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
      return (int)i + 1;
  return 0;
}

static bool other_calls_are_denied(void)
{
  CHECK(behind_walls(try_denied, filter_only) == 0);
  return true;
}

/* Whose refusal nobody would notice: it is no error. */
static int try_writing_early(void)
{
  return sync_file_range(-1, 0, 0, SYNC_FILE_RANGE_WRITE) == -1 && errno == EBADF ? 0 : 1;
}

static bool writing_early_is_allowed(void)
{
  CHECK(behind_walls(try_writing_early, filter_only) == 0);
  return true;
}

static int try_executable_memory(void)
{
  long page = syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == -1)
    return 1;
  if (syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC) != -1 || errno != EPERM)
    return 2;
  if (syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1 || errno != EPERM)
    return 3;
  return syscall(SYS_mprotect, page, 4096, PROT_READ) == 0 ? 0 : 4;
}

static bool no_memory_becomes_executable(void)
{
  CHECK(behind_walls(try_executable_memory, filter_only) == 0);
  return true;
}

#if defined(__x86_64__)
/* getpid, which is allowed, by the numbers of a 32-bit process. */
static int try_other_numbers(void)
{
  long result = 20;
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return 0;
}

static bool numbers_of_another_machine_kill(void)
{
  CHECK(behind_walls(try_other_numbers, filter_only) == 256 + SIGSYS);
  return true;
}
#endif

/* The line of /proc/self/status, in hexadecimal; ~0 if there is none. */
static unsigned long long status_of(const char *name)
{
  char text[4096];
  int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
  if (size < 0)
    return ~0ULL;
  text[size] = '\0';
  const char *line = strstr(text, name);
  return line ? strtoull(line + strlen(name), NULL, 16) : ~0ULL;
}

static int try_capabilities(void)
{
  const unsigned long long kept = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
                                  1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP | 1ULL << CAP_SYS_ADMIN;
  if ((status_of("\nCapEff:\t") & ~kept) != 0 || (status_of("\nCapPrm:\t") & ~kept) != 0)
    return 1;
  if (status_of("\nCapInh:\t") != 0 || status_of("\nCapAmb:\t") != 0)
    return 2;
  return status_of("\nNoNewPrivs:\t") == 1 ? 0 : 3;
}

static bool capabilities_are_dropped(void)
{
  CHECK(behind_walls(try_capabilities, all_walls) == 0);
  return true;
}

static int try_resources(void)
{
  int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd < 0 || pwrite(fd, "", 1, 4095) != 1)
    return 1;
  if (pwrite(fd, "", 1, 4096) != -1 || errno != EFBIG)
    return 2;
  for (int i = 0; i < 100; i++)
    if (open("/", O_PATH | O_CLOEXEC) < 0)
      return errno == EMFILE ? 0 : 3;
  return 4;
}

static bool files_and_descriptors_are_bounded(void)
{
  CHECK(behind_walls(try_resources, all_walls) == 0);
  return true;
}

static int try_memory(void)
{
  // More than a layer may have, in pieces as an allocator takes them.
  for (size_t i = 0; i < CONFINE_MEMORY; i += 1 << 20)
    if (syscall(SYS_mmap, 0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1)
      return errno == ENOMEM ? 0 : 1;
  return 2;
}

static bool memory_is_bounded(void)
{
  CHECK(behind_walls(try_memory, all_walls) == 0);
  return true;
}

static const struct test_case cases[] = {
    {"other calls are denied", other_calls_are_denied},
    {"writing early is allowed", writing_early_is_allowed},
    {"no memory becomes executable", no_memory_becomes_executable},
#if defined(__x86_64__)
    {"numbers of another machine kill", numbers_of_another_machine_kill},
#endif
    {"capabilities are dropped", capabilities_are_dropped},
    {"files and descriptors are bounded", files_and_descriptors_are_bounded},
    {"memory is bounded", memory_is_bounded},
};

TEST_MAIN("unpack-confine", cases)
