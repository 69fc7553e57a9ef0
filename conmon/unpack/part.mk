PROGRAMS += unpack
unpack_SRC := $(sort $(wildcard unpack/*.c))
# Static: after the pivot nothing is loaded from where the layer is. iconv.c stands before libc's (its comment).
unpack_LDFLAGS := -static
unpack_LIBS := -larchive -lz -lzstd

TESTS += unpack-sha256 unpack-path unpack-confine
unpack-sha256_SRC := tests/unpack-sha256.c
unpack-path_SRC := tests/unpack-path.c unpack/path.c
unpack-confine_SRC := tests/unpack-confine.c unpack/confine.c unpack/limits.c unpack/seccomp.c
