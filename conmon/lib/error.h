/* The error out-parameter: functions that can fail return a negative value and say why here. */
#ifndef CONMON_LIB_ERROR_H
#define CONMON_LIB_ERROR_H

struct err {
  /* An errno, never 0 once it is set. */
  int code;
  /* What was tried, with its object, without the text of the errno. */
  char msg[512];
};

/* Fills the error (which may be NULL) and returns -code, so that a failing function ends in `return err_set(…)`. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
