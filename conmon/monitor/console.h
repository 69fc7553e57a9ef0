/* The socket on which the OCI runtime hands over the master of a pty (runc and crun: --console-socket). */
#ifndef CONMON_MONITOR_CONSOLE_H
#define CONMON_MONITOR_CONSOLE_H

#include <stdint.h>

#include "lib/error.h"

/* A listening socket, or a negative errno. The caller unlinks the path. */
int console_listen(const char *path, struct err *err);
/* The master, non-blocking. The runtime sends it before its call returns, so nothing is waited for. */
int console_take(int listener, struct err *err);
int console_resize(int master, uint16_t width, uint16_t height);
/* Ends the input of a pty in canonical mode, where that can be said at all. */
void console_end_input(int master);

#endif
