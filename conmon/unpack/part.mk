PROGRAMS += unpack
unpack_SRC := $(sort $(wildcard unpack/*.c))
unpack_LIBS := -larchive -lz -lzstd

TESTS += unpack-sha256 unpack-path
unpack-sha256_SRC := tests/unpack-sha256.c
unpack-path_SRC := tests/unpack-path.c unpack/path.c
