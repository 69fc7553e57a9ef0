PROGRAMS += conmon
conmon_SRC := $(sort $(wildcard monitor/*.c))
conmon_LDFLAGS := -static -no-pie

TESTS += monitor-log monitor-logfile monitor-logger monitor-record monitor-codec monitor-tree monitor-oom monitor-conn monitor-attach monitor-loop monitor-null
monitor-log_SRC := tests/monitor-log.c monitor/logfmt.c
monitor-logfile_SRC := tests/monitor-logfile.c $(addprefix monitor/,logfmt.c logappend.c logfile.c)
monitor-logger_SRC := tests/monitor-logger.c $(addprefix monitor/,logfmt.c logappend.c logfile.c logjournal.c logger.c memory.c)
monitor-record_SRC := tests/monitor-record.c monitor/record.c monitor/codec.c
monitor-codec_SRC := tests/monitor-codec.c monitor/codec.c monitor/record.c
DATA_monitor-codec := tests/vectors/monitor-protocol.txt
monitor-tree_SRC := tests/monitor-tree.c monitor/tree.c
monitor-conn_SRC := tests/monitor-conn.c monitor/conn.c monitor/codec.c monitor/loop.c
monitor-attach_SRC := tests/monitor-attach.c $(addprefix monitor/,attach.c events.c stdin.c input.c conn.c console.c codec.c loop.c)
monitor-oom_SRC := tests/monitor-oom.c monitor/oom.c
monitor-loop_SRC := tests/monitor-loop.c monitor/loop.c
monitor-null_SRC := tests/monitor-null.c monitor/null.c
monitor-loop_LIBS := -Wl,--wrap=epoll_ctl
