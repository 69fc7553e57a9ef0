/* Numbers of the monitor's protocol, version 1. docs/monitor-protocol.md is the text; the TypeScript side has the same. */
#ifndef CONMON_MONITOR_PROTOCOL_H
#define CONMON_MONITOR_PROTOCOL_H

/* "BMON", little-endian. */
#define PROTOCOL_MAGIC 0x4e4f4d42u
#define PROTOCOL_VERSION 1

/* u32 payload length, u8 type, 3 zero bytes, u32 tag. */
#define FRAME_HEADER 12
#define FRAME_MAX_DATA (64u * 1024)
#define FRAME_MAX_EXEC (2u * 1024 * 1024)
#define FRAME_MAX_SMALL 1024u

enum role { ROLE_NONE = 0, ROLE_CONTROL = 1, ROLE_EXEC = 2, ROLE_ATTACH = 3, ROLE_EVENTS = 4 };

enum frame_type {
  FRAME_HELLO = 0x01,
  FRAME_START = 0x10,
  FRAME_SIGNAL = 0x11,
  FRAME_RESIZE = 0x12,
  FRAME_REOPEN = 0x13,
  FRAME_RELEASE = 0x14,
  FRAME_EXEC = 0x20,
  FRAME_STDIN = 0x21,
  FRAME_STDIN_EOF = 0x22,
  FRAME_ATTACH = 0x30,
  FRAME_SUBSCRIBE = 0x40,

  FRAME_WELCOME = 0x81,
  FRAME_ERROR = 0x82,
  FRAME_OK = 0x90,
  FRAME_SIGNALED = 0x91,
  FRAME_REOPENED = 0x92,
  FRAME_STATE = 0x93,
  FRAME_OOM = 0x94,
  FRAME_LOG = 0x95,
  FRAME_STARTED = 0xa0,
  FRAME_STDOUT = 0xa1,
  FRAME_STDERR = 0xa2,
  FRAME_EXIT = 0xa3,
};

enum protocol_error {
  /* The stream cannot be followed any more: the monitor closes. */
  PE_FRAME = 1,
  PE_VERSION = 2,
  PE_ROLE = 3,
  /* The request does not fit the state that things are in. */
  PE_STATE = 10,
  PE_RUNTIME = 11,
  PE_UNSUPPORTED = 12,
  PE_SYSTEM = 13,
  PE_SLOW = 14,
};

enum state_kind { SK_CREATING = 1, SK_CREATED = 2, SK_RUNNING = 3, SK_EXITED = 4, SK_FAILED = 5 };
enum status_kind { ST_EXITED = 1, ST_SIGNALED = 2, ST_UNKNOWN = 3, ST_NOT_STARTED = 4 };
/* Whether the kernel killed for memory in the container: its own count says so, or only the parent cgroup's. */
enum oom_verdict { OOM_NO = 0, OOM_COUNTED = 1, OOM_INFERRED = 2 };
/* What LOG tells of the first log file. */
enum log_change { LC_LOSES = 1, LC_WRITES = 2, LC_OPENED_ANEW = 3, LC_ROTATED = 4 };

#define EXEC_STDIN 1u
#define EXEC_TTY 2u
#define ATTACH_STDIN 1u
#define ATTACH_STDOUT 2u
#define ATTACH_STDERR 4u
#define EVENTS_STATE 1u
#define EVENTS_OOM 2u
#define EVENTS_LOG 4u
#define EXIT_TIMED_OUT 1u
#define EXIT_TRUNCATED 2u
#define WELCOME_TTY 1u

#endif
