/**
 * The system calls that a container may make without any capability, by what they are for. 32-bit variants stand with
 * their 64-bit selves: the filter covers the compat architectures too, and libseccomp skips what an architecture lacks.
 * What is not here is denied; the reasons for notable absences:
 * - io_uring_*: a second system call interface that filters do not see into;
 * - add_key, keyctl, request_key: the kernel's keyrings know no namespaces;
 * - userfaultfd: lets a page fault be held open, the usual help for races in the kernel;
 * - kexec_*, swapon, swapoff, nfsservctl, uselib, ustat, sysfs, vm86*, _sysctl: the machine's, or long dead.
 */
const groups = {
  processes: `arch_prctl capget capset execve execveat exit exit_group fork getpgid getpgrp getpid getppid getpriority
    getrlimit getrusage getsid gettid pidfd_open pidfd_send_signal prctl prlimit64
    process_mrelease process_vm_readv process_vm_writev ptrace seccomp set_thread_area get_thread_area set_tid_address
    setpgid setpriority setrlimit setsid ugetrlimit vfork wait4 waitid waitpid landlock_add_rule
    landlock_create_ruleset landlock_restrict_self rseq membarrier modify_ldt nice getcpu restart_syscall`,
  identity: `getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid
    getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid
    setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32 umask uname
    lsm_get_self_attr lsm_list_modules lsm_set_self_attr`,
  scheduling: `ioprio_get ioprio_set sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield`,
  signals: `alarm getitimer kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sgetmask sigaction sigaltstack
    signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask tgkill tkill`,
  memory: `brk cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  locks: `futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list set_robust_list`,
  ipc: `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,
  time: `adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create timer_delete timer_getoverrun
    timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
    timerfd_settime timerfd_settime64 times`,
  network: `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`,
  descriptors: `_llseek _newselect close close_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fcntl fcntl64 flock inotify_add_watch
    inotify_init inotify_init1 inotify_rm_watch ioctl lseek pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2
    pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readv select sendfile sendfile64 splice tee vmsplice write
    writev io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit`,
  files: `access chdir chmod chown chown32 copy_file_range creat faccessat faccessat2 fadvise64 fadvise64_64 fallocate
    fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fdatasync file_getattr file_setattr fstat
    fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 lchown
    lchown32 link linkat lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat oldfstat oldlstat
    oldstat open openat openat2 readahead readdir readlink readlinkat rename renameat renameat2 rmdir stat stat64 statfs
    statfs64 statx symlink symlinkat sync sync_file_range syncfs truncate truncate64 unlink unlinkat utime utimensat
    utimensat_time64 utimes`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  machine: `getrandom sysinfo`,
  arm: `arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2`,
  otherArchitectures: `riscv_flush_icache riscv_hwprobe s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr
    swapcontext uretprobe`,
} as const;

/** What a capability opens: calls that are refused by the kernel without it, or are a risk without it. */
const opened = {
  bpf: 'bpf',
  dac_read_search: 'open_by_handle_at',
  perfmon: 'perf_event_open',
  sys_admin: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount mount_setattr
    move_mount open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd setdomainname sethostname setns
    statmount syslog umount umount2 unshare`,
  sys_boot: 'reboot',
  sys_chroot: 'chroot',
  sys_module: 'delete_module finit_module init_module',
  sys_nice: 'get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node',
  sys_pacct: 'acct',
  sys_ptrace: 'kcmp pidfd_getfd process_madvise',
  sys_rawio: 'ioperm iopl',
  sys_time: 'clock_settime clock_settime64 settimeofday stime',
  sys_tty_config: 'vhangup',
  syslog: 'syslog',
} as const;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Allowed to every container. */
export const baseCalls: readonly string[] = Object.values(groups).flatMap(words);

/** Allowed with a capability (plain lower-case name). */
export const callsByCapability: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(opened).map(([capability, text]) => [capability, words(text)]),
);
