#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

enum { READY_FD = 3, STDERR_SIZE = 4096 };

/* A decoded program; the strings stay in the request's buffer. */
struct program {
  const char *path;
  char **argv;
  char **envp;
  const char *cwd;
  const uint8_t *token;
  const uint8_t *input;
  size_t input_size;
  uint32_t timeout_ms;
};

static void free_program(struct program *program)
{
  free(program->argv);
  free(program->envp);
}

/* A list: u32 count, then strings. `first` (if not NULL) goes in front, NULL is behind. */
static char **get_list(struct wire_reader *in, const char *first, size_t spare)
{
  uint32_t count = wire_get_u32(in);
  /* Each has at least its length and its zero: a count beyond the payload asks for no memory. */
  if (count > wire_left(in) / 5) {
    in->failed = true;
    return NULL;
  }
  char **list = calloc(count + 2 + spare, sizeof(*list));
  if (!list) {
    in->failed = true;
    return NULL;
  }
  size_t at = 0;
  if (first)
    list[at++] = (char *)(uintptr_t)first;
  for (uint32_t i = 0; i < count; i++)
    list[at++] = (char *)(uintptr_t)wire_get_str(in);
  return list;
}

/* Puts an entry behind the last one; get_list has left room for it. */
static void append(char **list, const char *entry)
{
  while (*list)
    list++;
  *list = (char *)(uintptr_t)entry;
}

static const uint8_t *get_token(struct wire_reader *in)
{
  size_t size;
  const uint8_t *token = wire_get_bytes(in, &size);
  if (size != TOKEN_SIZE)
    in->failed = true;
  return token;
}

static int malformed(struct err *err, uint32_t id, uint16_t op)
{
  return err_set(err, EPROTO, "request %u of operation %u is malformed", id, op);
}

/* Ends the child after its failure has been told. */
static _Noreturn void give_up(int failure_fd, const struct err *failure)
{
  write_full(failure_fd, failure, sizeof(*failure));
  _exit(127);
}

static void redirect(int from, int to, int failure_fd)
{
  if (dup2(from, to) >= 0)
    return;
  struct err failure;
  err_set(&failure, errno, "dup2");
  give_up(failure_fd, &failure);
}

static _Noreturn void exec_program(const struct program *program, unsigned int first_closed, int failure_fd)
{
  struct err failure = {0};
  if (program->cwd[0] && chdir(program->cwd) < 0) {
    err_set(&failure, errno, "chdir to %s", program->cwd);
    give_up(failure_fd, &failure);
  }
  /* All of ours are close-on-exec already; this is for what berthd may have passed on by mistake. */
  proc_cloexec_from(first_closed);
  if (strchr(program->path, '/'))
    execve(program->path, program->argv, program->envp);
  else
    execvpe(program->path, program->argv, program->envp);
  err_set(&failure, errno, "execute %s", program->path);
  give_up(failure_fd, &failure);
}

static int make_pipe(int *read_end, int *write_end, struct err *err)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return err_set(err, errno, "pipe");
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

/* The read end of stdin, with the whole input in the pipe: it is smaller than a pipe. */
static int make_stdin(const struct program *program, struct err *err)
{
  if (program->input_size == 0) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return null < 0 ? err_set(err, errno, "open /dev/null") : null;
  }
  _cleanup_fd_ int read_end = -1;
  _cleanup_fd_ int write_end = -1;
  if (make_pipe(&read_end, &write_end, err) < 0)
    return -1;
  int failed = set_nonblock(write_end, true);
  if (failed == 0)
    failed = write_full(write_end, program->input, program->input_size);
  return failed < 0 ? err_set(err, -failed, "write %zu bytes of stdin", program->input_size) : steal_fd(&read_end);
}

static int start_program(struct launcher *l, struct job *job, const struct program *program, struct err *err)
{
  _cleanup_fd_ int in = -1;
  _cleanup_fd_ int out_read = -1, out_write = -1, err_read = -1, err_write = -1, fail_read = -1, fail_write = -1;
  if (make_pipe(&out_read, &out_write, err) < 0 || make_pipe(&err_read, &err_write, err) < 0 ||
      make_pipe(&fail_read, &fail_write, err) < 0)
    return -1;
  if (!program->token && (in = make_stdin(program, err)) < 0)
    return -1;
  pid_t launcher = getpid();
  job->pid = spawn_fork(&l->helpers, err);
  if (job->pid < 0)
    return -1;
  if (job->pid == 0) {
    struct err failure = {0};
    if (spawn_child_setup(&l->helpers, launcher, true, &failure) < 0)
      give_up(fail_write, &failure);
    if (program->token && (in = connect_bulk(l->bulk_path, program->token, &failure)) < 0)
      give_up(fail_write, &failure);
    redirect(in, STDIN_FILENO, fail_write);
    redirect(out_write, STDOUT_FILENO, fail_write);
    redirect(err_write, STDERR_FILENO, fail_write);
    exec_program(program, STDERR_FILENO + 1, fail_write);
  }
  job->failure = steal_fd(&fail_read);
  if (job_watch(l, &job->out, steal_fd(&out_read), err) < 0 || job_watch(l, &job->err, steal_fd(&err_read), err) < 0)
    return -1;
  return 0;
}

int run_program(struct launcher *l, uint32_t id, uint16_t op, struct wire_reader *in, struct err *err)
{
  __attribute__((cleanup(free_program))) struct program program = {0};
  program.path = wire_get_str(in);
  program.argv = get_list(in, program.path, 0);
  program.envp = get_list(in, NULL, 0);
  program.cwd = wire_get_str(in);
  program.timeout_ms = wire_get_u32(in);
  if (op == OP_RUN)
    program.input = wire_get_bytes(in, &program.input_size);
  else
    program.token = get_token(in);
  if (!wire_done(in) || !program.argv || !program.envp || program.input_size > MAX_STDIN)
    return malformed(err, id, op);
  struct job *job = job_new(l, JOB_RUN, id, op, program.timeout_ms);
  if (!job)
    return err_set(err, ENOMEM, "memory for a job");
  struct err why = {0};
  if (start_program(l, job, &program, &why) < 0) {
    control_fail(l, id, op, STATUS_FAILED, &why);
    job_discard(l, job);
  }
  return 0;
}

/*
 * A monitor's stderr: one page that cannot grow. What it says before it is ready is part of the answer when it fails;
 * later it is nobody's pipe that could break or fill.
 */
static int make_stderr(struct err *err)
{
  _cleanup_fd_ int fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, STDERR_SIZE) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
    return err_set(err, errno, "memfd for a monitor's stderr");
  return steal_fd(&fd);
}

static int start_monitor(struct launcher *l, struct job *job, const struct program *program, struct err *err)
{
  _cleanup_fd_ int ready_read = -1, ready_write = -1, fail_read = -1, fail_write = -1;
  if (make_pipe(&ready_read, &ready_write, err) < 0 || make_pipe(&fail_read, &fail_write, err) < 0)
    return -1;
  job->memory = make_stderr(err);
  if (job->memory < 0)
    return -1;
  job->pid = spawn_fork(&l->monitors, err);
  if (job->pid < 0)
    return -1;
  if (job->pid == 0) {
    struct err failure = {0};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (spawn_child_setup(&l->monitors, 0, false, &failure) < 0)
      give_up(fail_write, &failure);
    redirect(null, STDIN_FILENO, fail_write);
    redirect(null, STDOUT_FILENO, fail_write);
    redirect(job->memory, STDERR_FILENO, fail_write);
    redirect(ready_write, READY_FD, fail_write);
    exec_program(program, READY_FD + 1, fail_write);
  }
  job->failure = steal_fd(&fail_read);
  return job_watch(l, &job->out, steal_fd(&ready_read), err);
}

/*
 * The monitor is a child of the launcher, in a session of its own: its exit status is known until it is ready, and init
 * takes it over when the launcher ends. A second fork would hide that status and give nothing.
 */
int run_monitor(struct launcher *l, uint32_t id, struct wire_reader *in, struct err *err)
{
  __attribute__((cleanup(free_program))) struct program program = {.cwd = "/"};
  program.path = wire_get_str(in);
  program.argv = get_list(in, program.path, 0);
  program.envp = get_list(in, NULL, 1);
  if (!wire_done(in) || !program.argv || !program.envp)
    return malformed(err, id, OP_START_MONITOR);
  append(program.envp, "BERTH_READY_FD=3");
  struct job *job = job_new(l, JOB_MONITOR, id, OP_START_MONITOR, 0);
  if (!job)
    return err_set(err, ENOMEM, "memory for a job");
  struct err why = {0};
  if (start_monitor(l, job, &program, &why) < 0) {
    control_fail(l, id, OP_START_MONITOR, STATUS_FAILED, &why);
    job_discard(l, job);
  }
  return 0;
}
