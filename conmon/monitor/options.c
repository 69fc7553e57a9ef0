#include "monitor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum option_id { O_ID = 1, O_BUNDLE, O_RUNTIME, O_ROOT, O_SOCKET, O_EXIT, O_PID, O_LOG, O_JOURNAL, O_LOG_SIZE, O_TTY, O_STDIN, O_ONCE, O_UID, O_GID, O_OPTION, O_RESTORE, O_RESTORE_WORK };

static const struct option known[] = {
    {"id", required_argument, NULL, O_ID},
    {"bundle", required_argument, NULL, O_BUNDLE},
    {"runtime", required_argument, NULL, O_RUNTIME},
    {"runtime-root", required_argument, NULL, O_ROOT},
    {"socket", required_argument, NULL, O_SOCKET},
    {"exit-file", required_argument, NULL, O_EXIT},
    {"pid-file", required_argument, NULL, O_PID},
    {"log-path", required_argument, NULL, O_LOG},
    {"log-journal", required_argument, NULL, O_JOURNAL},
    {"log-size-max", required_argument, NULL, O_LOG_SIZE},
    {"tty", no_argument, NULL, O_TTY},
    {"stdin", no_argument, NULL, O_STDIN},
    {"stdin-once", no_argument, NULL, O_ONCE},
    {"uid", required_argument, NULL, O_UID},
    {"gid", required_argument, NULL, O_GID},
    {"runtime-option", required_argument, NULL, O_OPTION},
    {"restore", required_argument, NULL, O_RESTORE},
    {"restore-work", required_argument, NULL, O_RESTORE_WORK},
    {NULL, 0, NULL, 0},
};

static int parse_number(const char *text, unsigned int *number, const char *name, struct err *err)
{
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || value >= 0xffffffffUL)
    return err_set(err, EINVAL, "--%s is not a user or group number: %s", name, text);
  *number = (unsigned int)value;
  return 0;
}

static int parse_size(const char *text, uint64_t *size, const char *name, struct err *err)
{
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text < '0' || *text > '9')
    return err_set(err, EINVAL, "--%s is not a number of bytes: %s", name, text);
  *size = value;
  return 0;
}

/* Two writers of one file would take each other's records for their own. */
static int add_log_path(struct logger_options *log, const char *path, struct err *err)
{
  for (int i = 0; i < log->path_count; i++)
    if (strcmp(log->paths[i], path) == 0)
      return err_set(err, EINVAL, "--log-path is given twice: %s", path);
  if (log->path_count == LOGGER_FILES_MAX)
    return err_set(err, E2BIG, "--log-path is given more than %d times", LOGGER_FILES_MAX);
  log->paths[log->path_count++] = path;
  return 0;
}

static int add_log_field(struct logger_options *log, const char *field, struct err *err)
{
  if (!logjournal_is_field(field))
    return err_set(err, EINVAL, "--log-journal is not NAME=VALUE with a name of capitals, digits and _: %s", field);
  if (log->field_count == LOGGER_FIELDS_MAX)
    return err_set(err, E2BIG, "--log-journal is given more than %d times", LOGGER_FIELDS_MAX);
  log->fields[log->field_count++] = field;
  return 0;
}

static int add_runtime_option(struct options *o, const char *option, struct err *err)
{
  if (o->runtime_option_count == RUNTIME_OPTIONS_MAX)
    return err_set(err, E2BIG, "--runtime-option is given more than %d times", RUNTIME_OPTIONS_MAX);
  o->runtime_options[o->runtime_option_count++] = option;
  return 0;
}

static int apply(struct options *o, int option, const char *value, struct err *err)
{
  switch ((enum option_id)option) {
  case O_ID: o->id = value; return 0;
  case O_BUNDLE: o->bundle = value; return 0;
  case O_RUNTIME: o->runtime = value; return 0;
  case O_ROOT: o->runtime_root = value; return 0;
  case O_SOCKET: o->socket = value; return 0;
  case O_EXIT: o->exit_file = value; return 0;
  case O_PID: o->pid_file = value; return 0;
  case O_LOG: return *value ? add_log_path(&o->log, value, err) : 0;
  case O_JOURNAL: return add_log_field(&o->log, value, err);
  case O_LOG_SIZE: return parse_size(value, &o->log.size_max, "log-size-max", err);
  case O_TTY: o->tty = true; return 0;
  case O_STDIN: o->stdin_open = true; return 0;
  case O_ONCE: o->stdin_once = true; return 0;
  case O_OPTION: return add_runtime_option(o, value, err);
  case O_RESTORE: o->restore = value; return 0;
  case O_RESTORE_WORK: o->restore_work = value; return 0;
  case O_UID: return parse_number(value, &o->uid, "uid", err);
  case O_GID: return parse_number(value, &o->gid, "gid", err);
  }
  return err_set(err, EINVAL, "an unknown option, or one without its value");
}

/* Everything is used after chdir("/"): a relative path would mean another file than its writer thought. */
static int check_path(const char *path, const char *name, struct err *err)
{
  if (!path)
    return err_set(err, EINVAL, "--%s is missing", name);
  return *path == '/' ? 0 : err_set(err, EINVAL, "--%s is not absolute: %s", name, path);
}

static int check(const struct options *o, struct err *err)
{
  if (!o->id || !*o->id || *o->id == '-')
    return err_set(err, EINVAL, "--id is missing");
  if (check_path(o->bundle, "bundle", err) < 0 || check_path(o->runtime, "runtime", err) < 0 ||
      check_path(o->runtime_root, "runtime-root", err) < 0 || check_path(o->socket, "socket", err) < 0 ||
      check_path(o->exit_file, "exit-file", err) < 0 || check_path(o->pid_file, "pid-file", err) < 0)
    return -EINVAL;
  if ((o->restore || o->restore_work) &&
      (check_path(o->restore, "restore", err) < 0 || check_path(o->restore_work, "restore-work", err) < 0))
    return -EINVAL;
  for (int i = 0; i < o->log.path_count; i++)
    if (check_path(o->log.paths[i], "log-path", err) < 0)
      return -EINVAL;
  /* Console sockets get a suffix of at most 12 bytes. */
  if (strlen(o->socket) + 12 >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
    return err_set(err, ENAMETOOLONG, "--socket is longer than 95 bytes: %s", o->socket);
  return 0;
}

int options_parse(int argc, char **argv, struct options *options, struct err *err)
{
  *options = (struct options){0};
  opterr = 0;
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
    if (apply(options, option, optarg, err) < 0)
      return -EINVAL;
  if (optind != argc)
    return err_set(err, EINVAL, "an argument that is no option: %s", argv[optind]);
  return check(options, err);
}
