#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int code, const char *format, ...)
{
  if (code <= 0)
    code = EIO;
  if (err) {
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->msg, sizeof(err->msg), format, args);
    va_end(args);
  }
  return -code;
}
