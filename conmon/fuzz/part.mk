# Other parts are included after this one: their variables are read when they are used.
FUZZERS := codec log texts unpack layer launcher server
fuzz-codec_SRC = monitor/codec.c monitor/record.c
fuzz-log_SRC = monitor/logfmt.c
fuzz-texts_SRC = $(addprefix monitor/,options.c logfmt.c logjournal.c pidfile.c oom.c)
fuzz-unpack_SRC = unpack/path.c unpack/options.c unpack/limits.c
fuzz-layer_SRC = $(filter-out $(addprefix unpack/,main.c confine.c fixup.c options.c report.c seccomp.c),$(unpack_SRC))
fuzz-layer_LIBS = $(unpack_LIBS)
fuzz-launcher_SRC = $(addprefix launcher/,control.c dispatch.c job.c run.c) $(filter-out launcher/op_process.c,$(launcher_OPS))
# All of the monitor but main, which the fuzzer includes, and what it replaces.
fuzz-server_SRC = $(filter-out $(addprefix monitor/,main.c spawn.c children.c pidfile.c tree.c),$(conmon_SRC))
