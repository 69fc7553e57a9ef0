TESTS += lib-wire lib-proc lib-cgroup
lib-wire_SRC := tests/lib-wire.c
lib-proc_SRC := tests/lib-proc.c
lib-cgroup_SRC := tests/lib-cgroup.c
