PROGRAMS += launcher
launcher_OPS := launcher/op_mount.c launcher/overlay.c launcher/idmap.c launcher/holder.c launcher/inside.c launcher/op_namespace.c launcher/op_network.c launcher/op_root.c \
  launcher/op_tree.c launcher/op_process.c launcher/handles.c
launcher_SRC := launcher/main.c launcher/control.c launcher/dispatch.c launcher/job.c launcher/spawn.c launcher/run.c \
  launcher/shutdown.c $(launcher_OPS)
launcher_LDFLAGS := -static


TESTS += launcher-parse launcher-tree launcher-overlay launcher-holder
launcher-parse_SRC := tests/launcher-parse.c launcher/op_network.c launcher/op_namespace.c launcher/idmap.c launcher/holder.c tests/launcher-stubs.c
launcher-tree_SRC := tests/launcher-tree.c launcher/op_tree.c
launcher-overlay_SRC := tests/launcher-overlay.c launcher/overlay.c launcher/idmap.c launcher/holder.c
launcher-holder_SRC := tests/launcher-holder.c launcher/idmap.c launcher/holder.c
