/*
 * An OCI runtime for tests: runc's command line without namespaces, cgroups and file systems, so that a life takes a
 * few milliseconds and can be made to go wrong at any step.
 *
 * Every process that it starts has FAKE_CONTAINER=<root>/<id> in its environment: that is how `delete --force` finds
 * them. A file `fake-<subcommand>` in the bundle makes that subcommand misbehave; its words are done in this order,
 * each where it stands:
 *   stderr=N      prints N bytes of 'x' and a newline on stderr
 *   hold=MS       leaves a child that holds stderr open for so long
 *   sleep=MS      sleeps
 *   exit=N        exits; signal=N ends by a signal
 * and these, when the process has been made:
 *   leave=N       exits with N before the pid file is written
 *   pidfile=TEXT  writes this instead of the pid; with nothing behind the = an empty file
 *   no-pidfile    writes none
 */
#ifndef CONMON_TESTS_FAKE_RUNTIME_FAKE_H
#define CONMON_TESTS_FAKE_RUNTIME_FAKE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/error.h"

/* The command line. */
struct call {
  const char *root;
  const char *command;
  const char *id;
  const char *bundle;
  const char *pid_file;
  const char *console_socket;
  const char *process_file;
  /* Of `restore`. */
  const char *images;
  /* The signal of `kill`. */
  const char *extra;
  bool detach;
  bool all;
  bool force;
  /* <root>/<id> */
  char folder[PATH_MAX];
};

/* What to run. */
struct program {
  char **args;
  char **env;
  char *cwd;
  bool terminal;
  uid_t uid;
  gid_t gid;
};

/* program.c: reads the runtime spec's process object; `mark` is added to its environment. */
int program_read(const char *process, const char *mark, struct program *program, struct err *err);

/* process.c */
/* Whether the program is there to be executed, in the words that runc has for it. */
int process_check(const struct program *program, struct err *err);
/* What an init waits for: one byte that says that its container is known, and one from the start. */
struct gates {
  /* A pipe: should the runtime be killed before it has written down who init is, init ends with it. */
  int known[2];
  int start;
};
/* Forks it; behind the gates, unless they are NULL. The pid, or negative. */
pid_t process_start(const struct program *program, const char *console_socket, const struct gates *gates, struct err *err);

/* container.c: the subcommands; each gives the exit status. */
int container_create(const struct call *call);
int container_start(const struct call *call);
int container_exec(const struct call *call);
int container_kill(const struct call *call);
int container_delete(const struct call *call);
int container_state(const struct call *call);
/* Runs the bundle's program at once: what CRIU makes again runs before the runtime has returned. */
int container_restore(const struct call *call);

/* misbehave.c */
/* Reads fake-<subcommand> of the bundle and does what comes first. */
struct misbehaviour {
  int leave;
  bool no_pid_file;
  bool other_pid;
  char pid_text[64];
};
struct misbehaviour misbehave(const char *bundle, const char *command);
/* Writes the pid file, as far as it is to be. Gives the exit status. */
int name_process(const struct misbehaviour *how, const char *path, pid_t pid, struct err *err);

/* A file's whole text, to be freed; NULL if it cannot be read. */
char *read_whole(const char *path);
int complain(const struct err *err);

#endif
