/* Processes: identity, pidfds, and the clean state that a child starts from. */
#ifndef CONMON_LIB_PROC_H
#define CONMON_LIB_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/* What /proc/<pid>/stat says of a process. */
struct proc_identity {
  /* Field 22, in ticks since the boot: tells the process from a later one with the same pid. */
  uint64_t start_time;
  /* It has ended and waits to be reaped. A leader that is a zombie while other threads run has not ended. */
  bool ended;
  /* It is on its way out, or has ended: its namespaces may be gone before anybody is told of its end. */
  bool exiting;
};

/* Reads the identity of a process; -ESRCH if there is none with this pid. */
int proc_identify(pid_t pid, struct proc_identity *identity, struct err *err);

/* The identity in the text of a stat file; -EINVAL if it is none. The name in it may hold any byte, even ')'. */
int proc_parse_stat(const char *stat, struct proc_identity *identity);

/* The start time alone, whether or not it has ended. */
int proc_start_time(pid_t pid, uint64_t *ticks, struct err *err);

/* pidfd_open(2), close-on-exec. The descriptor, or -errno. */
int proc_pidfd_open(pid_t pid);

/* pidfd_send_signal(2); 0, or -errno (-ESRCH: it has ended). */
int proc_pidfd_signal(int pidfd, int signum);

/* close_range(2) from `first` up; 0, or -errno. */
int proc_close_from(unsigned int first);

/* Closes what is open from `first` up at the next exec; 0, or -errno. */
int proc_cloexec_from(unsigned int first);

/* In a child: SIGKILL as soon as its parent ends. 0, or -errno; -ESRCH if it has ended already. */
int proc_die_with(pid_t parent);

/* Opens 0, 1 and 2 where they are not: a pipe of ours would land there. 0, or -errno. */
int proc_fill_stdio(void);

/* Blocks SIGCHLD, and nothing else, and gives a signalfd for it; or -errno. */
int proc_watch_children(void);
/* Takes off what a signalfd holds. */
void proc_drain_signals(int fd);

/* Every signal to its default, none blocked; SIGKILL and SIGSTOP aside. For a child before its exec. */
void proc_reset_signals(void);

#endif
