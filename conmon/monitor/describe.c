#include "monitor/describe.h"

#include <stdio.h>
#include <string.h>

struct description describe(const struct err *err)
{
  struct description description;
  snprintf(description.text, sizeof(description.text), "%s: %s", err->msg, strerror(err->code));
  return description;
}
