#include "monitor/pidfile.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/io.h"

int pidfile_read(const char *path, pid_t *pid, struct err *err)
{
  char text[32];
  ssize_t got = read_text(path, text, sizeof(text));
  if (got < 0)
    return err_set(err, (int)-got, "read the pid file %s", path);
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || (*end != '\0' && *end != '\n') || value <= 1 || value > 0x7fffffff)
    return err_set(err, EINVAL, "the pid file %s holds no pid", path);
  *pid = (pid_t)value;
  return 0;
}
