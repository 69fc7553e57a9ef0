# The OCI runtime that tests may use in runc's place.
TEST_PROGRAMS += fake-runtime
fake-runtime_SRC := $(addprefix tests/fake-runtime/,main.c json.c program.c process.c misbehave.c container.c)
fake-runtime_LDFLAGS := -static
