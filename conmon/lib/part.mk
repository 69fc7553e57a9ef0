TESTS += lib-wire lib-proc
lib-wire_SRC := tests/lib-wire.c
lib-proc_SRC := tests/lib-proc.c
