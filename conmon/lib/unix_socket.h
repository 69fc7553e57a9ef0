/* Unix stream sockets by name. */
#ifndef CONMON_LIB_UNIX_SOCKET_H
#define CONMON_LIB_UNIX_SOCKET_H

#include <sys/un.h>

#include "lib/error.h"

/* The address of a path; -ENAMETOOLONG beyond what the kernel takes. */
int unix_address(const char *path, struct sockaddr_un *address, struct err *err);
/* Listens there, for root alone, in place of what had the name; non-blocking. The descriptor, or negative. */
int unix_listen(const char *path, struct err *err);

#endif
