PROGRAMS += unpack
unpack_SRC := $(sort $(wildcard unpack/*.c))
# Static: after the pivot nothing is loaded from where the layer is. iconv.c stands before libc's (its comment).
unpack_LDFLAGS := -static
unpack_LIBS := -larchive -lz -lzstd

TESTS += unpack-sha256 unpack-path unpack-confine unpack-compare
unpack-sha256_SRC := tests/unpack-sha256.c
unpack-path_SRC := tests/unpack-path.c unpack/path.c
unpack-confine_SRC := tests/unpack-confine.c unpack/confine.c unpack/limits.c unpack/seccomp.c
# Folders are opened as unpack opens them (tree.c), which brings the rest along.
unpack-compare_SRC := tests/unpack-compare.c $(filter-out unpack/main.c unpack/iconv.c,$(unpack_SRC))
unpack-compare_LIBS := -larchive -lz -lzstd
