/* The system calls that are left once the layer's bytes are read. */
#ifndef CONMON_UNPACK_SECCOMP_H
#define CONMON_UNPACK_SECCOMP_H

#include "lib/error.h"

/*
 * Denies every system call but those that make files below descriptors already held. For good: needs no_new_privs or
 * CAP_SYS_ADMIN, and nothing takes it off again.
 */
int seccomp_enter(struct err *err);

#endif
