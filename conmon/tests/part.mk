# The OCI runtime that tests may use in runc's place.
TEST_PROGRAMS += fake-runtime
fake-runtime_SRC := $(addprefix tests/fake-runtime/,main.c json.c program.c process.c misbehave.c container.c)
fake-runtime_LDFLAGS := -static

# The monitor with faults: the same objects, its calls wrapped. It refuses to run without a plan of faults.
TEST_PROGRAMS += conmon-faulty
conmon-faulty_SRC = $(conmon_SRC) tests/faulty/plan.c tests/faulty/wrap.c
conmon-faulty_LDFLAGS := -static -no-pie $(addprefix -Wl$(comma)--wrap=,read pread64 write writev pwrite64 recv send sendmsg recvmsg \
  accept4 epoll_wait waitpid waitid fsync fdatasync ftruncate64 posix_fallocate64 fstat64 rename renameat mkdir unlink rmdir close \
  dup2 fchown bind listen shutdown pipe2 socket epoll_create1 signalfd epoll_ctl execv fork openat64 open64 fcntl64 syscall \
  malloc calloc realloc)
