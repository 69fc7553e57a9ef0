PROGRAMS += conmon
conmon_SRC := $(addprefix monitor/,main.c options.c loop.c children.c call.c spawn.c tree.c logfmt.c logfile.c record.c oom.c \
  console.c codec.c describe.c conn.c pidfile.c pipes.c server.c control.c exec.c exec_call.c exec_group.c \
  exec_io.c events.c streams.c setup.c container.c container_oom.c \
  state.c)
conmon_LDFLAGS := -static -no-pie

TESTS += monitor-log monitor-record monitor-codec monitor-tree monitor-oom
monitor-log_SRC := tests/monitor-log.c monitor/logfmt.c monitor/logfile.c
monitor-record_SRC := tests/monitor-record.c monitor/record.c monitor/codec.c
monitor-codec_SRC := tests/monitor-codec.c monitor/codec.c monitor/record.c
DATA_monitor-codec := tests/vectors/monitor-protocol.txt
monitor-tree_SRC := tests/monitor-tree.c monitor/tree.c
monitor-oom_SRC := tests/monitor-oom.c monitor/oom.c
