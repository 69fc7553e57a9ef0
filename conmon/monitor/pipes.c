#include "monitor/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/scope.h"

static int open_pipe(int fds[2], uid_t uid, gid_t gid, struct err *err)
{
  if (pipe2(fds, O_CLOEXEC) < 0)
    return err_set(err, errno, "pipe");
  /* The owner of a pipe is that of its one inode: either end will do. */
  if ((uid != 0 || gid != 0) && fchown(fds[0], uid, gid) < 0) {
    int saved = errno;
    close(fds[0]);
    close(fds[1]);
    return err_set(err, saved, "give a pipe to user %u", uid);
  }
  return 0;
}

int pipe_from_child(int *ours, int *theirs, uid_t uid, gid_t gid, struct err *err)
{
  int fds[2];
  int failed = open_pipe(fds, uid, gid, err);
  if (failed < 0)
    return failed;
  *ours = fds[0];
  *theirs = fds[1];
  set_nonblock(*ours, true);
  return 0;
}

int pipe_to_child(int *ours, int *theirs, uid_t uid, gid_t gid, struct err *err)
{
  int fds[2];
  int failed = open_pipe(fds, uid, gid, err);
  if (failed < 0)
    return failed;
  *ours = fds[1];
  *theirs = fds[0];
  set_nonblock(*ours, true);
  return 0;
}

void far_ends_close(struct far_ends *ends)
{
  close_fd(&ends->in);
  close_fd(&ends->out);
  close_fd(&ends->err);
}

void args_add(struct runtime_args *args, const char *arg)
{
  /* execv takes char *, and changes nothing. The longest command line is far below the array's size. */
  args->argv[args->count++] = (char *)(uintptr_t)arg;
  args->argv[args->count] = NULL;
}

void args_add2(struct runtime_args *args, const char *option, const char *value)
{
  args_add(args, option);
  args_add(args, value);
}

/* With a log elsewhere the runtime's stderr holds its error in plain words, and nothing else. */
void runtime_args(struct runtime_args *args, const struct options *options, const char *subcommand)
{
  args->count = 0;
  args_add(args, options->runtime);
  args_add2(args, "--root", options->runtime_root);
  args_add2(args, "--log", "/dev/null");
  for (int i = 0; i < options->runtime_option_count; i++)
    args_add(args, options->runtime_options[i]);
  args_add(args, subcommand);
}
