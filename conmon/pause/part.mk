PROGRAMS += pause
pause_SRC := pause/main.c
pause_LDFLAGS := -static
