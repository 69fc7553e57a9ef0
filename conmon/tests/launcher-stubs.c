/* What the operations call of the launcher itself: no unit test comes that far. */
#include <errno.h>

#include "launcher/launcher.h"

int call_answer(struct call *call, const struct wire_writer *out)
{
  (void)call;
  (void)out;
  return -ENOSYS;
}

int connect_bulk(const char *path, const uint8_t token[TOKEN_SIZE], struct err *err)
{
  (void)token;
  return err_set(err, ENOSYS, "connect to %s", path);
}
