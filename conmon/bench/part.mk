# For test/bench/monitor: what fills a log, what its speed is measured against, and how long a command takes.
BENCHES += bench-writer bench-copier bench-spawn-timer
bench-writer_SRC := bench/writer.c
bench-writer_LDFLAGS := -static
bench-copier_SRC := bench/copier.c
bench-copier_LDFLAGS := -static
bench-spawn-timer_SRC := bench/spawn-timer.c
bench-spawn-timer_LDFLAGS := -static
