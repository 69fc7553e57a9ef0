# For test/bench/monitor: what fills a log, and what its speed is measured against.
BENCHES += bench-writer bench-copier
bench-writer_SRC := bench/writer.c
bench-writer_LDFLAGS := -static
bench-copier_SRC := bench/copier.c
bench-copier_LDFLAGS := -static
