#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake-runtime/fake.h"
#include "tests/fake-runtime/json.h"

/* The array's strings, then `last` (if any), then NULL. What is no string ends the list. */
static char **strings(const char *array, const char *last)
{
  size_t count = 0;
  for (const char *at = json_first(array); at; at = json_next(at))
    count++;
  char **list = calloc(count + 2, sizeof(*list));
  if (!list)
    return NULL;
  size_t i = 0;
  for (const char *at = json_first(array); at; at = json_next(at))
    list[i++] = json_string(at);
  list[i] = last ? strdup(last) : NULL;
  return list;
}

/* What is allocated here lives as long as the program, which is about to end or to execute another. */
int program_read(const char *process, const char *mark, struct program *program, struct err *err)
{
  const char *user = json_member(process, "user");
  program->args = strings(json_member(process, "args"), NULL);
  program->env = strings(json_member(process, "env"), mark);
  program->cwd = json_string(json_member(process, "cwd"));
  program->terminal = json_number(json_member(process, "terminal")) != 0;
  program->uid = (uid_t)json_number(json_member(user, "uid"));
  program->gid = (gid_t)json_number(json_member(user, "gid"));
  if (!program->args || !program->args[0] || !program->env || !program->cwd)
    return err_set(err, EINVAL, "a process without args, env or cwd");
  return 0;
}
