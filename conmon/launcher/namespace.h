/* The sysctl's file under /proc/sys, shared with its unit test. */
#ifndef CONMON_LAUNCHER_NAMESPACE_H
#define CONMON_LAUNCHER_NAMESPACE_H

#include <stddef.h>

/* As sysctl(8) reads names: the first of '.' and '/' is the separator. Negative if it is no name of a sysctl. */
int sysctl_path(const char *name, char *path, size_t size);

#endif
