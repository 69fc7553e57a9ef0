/*
 * A list of what is allowed, not of what is denied: a call that the kernel learns tomorrow is denied today. The risk of
 * such a list is a libc that starts to use another call for an old purpose. Two things keep it small: unpack is linked
 * statically, so that a binary that passed its tests meets no other libc, and what is not listed is answered with
 * ENOSYS, upon which every libc falls back to the call it used before. Calls of the same purpose are therefore listed
 * in all their generations, as far as the headers at hand know them.
 */
#include "unpack/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "name this architecture's AUDIT_ARCH"
#endif

/* Same number everywhere; older headers lack it. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static const uint32_t allowed[] = {
    // Bytes in and out.
    SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_lseek, SYS_close, SYS_fcntl,
    SYS_ftruncate, SYS_fallocate, SYS_sync_file_range,
    // Files, by descriptors of folders.
    SYS_openat, SYS_openat2, SYS_getdents64, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_unlinkat,
    SYS_readlinkat, SYS_fchdir,
    // What is known of them.
    SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fchown, SYS_fchownat, SYS_fchmod, SYS_fchmodat, SYS_fchmodat2,
    SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_getxattr, SYS_lgetxattr, SYS_listxattr, SYS_llistxattr,
    SYS_removexattr, SYS_lremovexattr,
    // Memory; mmap and mprotect are looked at more closely.
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
    // libc's own needs, and the end.
    SYS_futex, SYS_getrandom, SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_gettid, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#if defined(__x86_64__)
    // The older names of the same calls, which other architectures never had.
    SYS_readlink, SYS_chmod, SYS_time,
#endif
};

#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), then, otherwise)
#define IF_SET(bits, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), then, otherwise)
/* The low half of the third argument: both machines are little endian. */
#define PROTECTION args[2]

int seccomp_enter(struct err *err)
{
  const struct sock_filter head[] = {
      // Another machine's numbers, as of a 32-bit call, mean other calls.
      LOAD(arch),
      IF_EQUAL(ARCH, 1, 0),
      RETURN(SECCOMP_RET_KILL_PROCESS),
      LOAD(nr),
      IF_EQUAL(SYS_mmap, 1, 0),
      IF_EQUAL(SYS_mprotect, 0, 4),
      LOAD(PROTECTION),
      IF_SET(PROT_EXEC, 0, 1),
      RETURN(SECCOMP_RET_ERRNO | EPERM),
      RETURN(SECCOMP_RET_ALLOW),
  };
  struct sock_filter filter[sizeof(head) / sizeof(head[0]) + 2 * ALLOWED + 1];
  size_t size = 0;
  for (; size < sizeof(head) / sizeof(head[0]); size++)
    filter[size] = head[size];
  // A jump has eight bits: one return for each call costs less thought than one far away.
  for (size_t i = 0; i < ALLOWED; i++) {
    filter[size++] = (struct sock_filter)IF_EQUAL(allowed[i], 0, 1);
    filter[size++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
  }
  filter[size++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | ENOSYS);
  const struct sock_fprog program = {.len = (unsigned short)size, .filter = filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    return err_set(err, errno, "deny system calls");
  return 0;
}
