/* The socket on which the OCI runtime hands over the master of a pty (runc and crun: --console-socket). */
#ifndef CONMON_MONITOR_CONSOLE_H
#define CONMON_MONITOR_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

/* A terminal that its last user has closed gives EIO and hangs up until it is opened again: so often is it tried. */
#define CONSOLE_RETRY_MS 50

/* The master, non-blocking. The runtime sends it before its call returns, so nothing is waited for. */
int console_take(int listener, struct err *err);
/* Columns or rows of 0 change nothing. */
int console_resize(int master, uint16_t width, uint16_t height);
/* The character that ends the terminal's input; false if it has none: it is not in canonical mode. */
bool console_eof(int master, uint8_t *character);

#endif
