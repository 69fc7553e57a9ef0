/* Numbers of docs/launcher-protocol.md; src/kernel/protocol/ops.ts has the same. Never reused. */
#ifndef CONMON_LAUNCHER_PROTOCOL_H
#define CONMON_LAUNCHER_PROTOCOL_H

enum {
  PROTOCOL_VERSION = 5,
  HEADER_SIZE = 12,
  TOKEN_SIZE = 16,
  MAX_REQUEST = 256 * 1024,
  MAX_REPLY = 1024 * 1024 + 4096,
  MAX_OUTPUT = 64 * 1024,
  MAX_STDIN = 48 * 1024,
  MAX_FILE = 1024 * 1024,
};

enum op {
  OP_HELLO = 0,
  OP_RUN = 1,
  OP_RUN_STREAMED = 2,
  OP_START_MONITOR = 3,
  OP_MOUNT_OVERLAY = 4,
  OP_MOUNT_BIND = 5,
  OP_MOUNT_TMPFS = 6,
  OP_UNMOUNT = 7,
  OP_PIN = 8,
  OP_UNPIN = 9,
  OP_DIAL = 10,
  OP_INTERFACE_COUNTERS = 11,
  OP_READ_IN_ROOT = 12,
  OP_MKDIR_IN_ROOT = 13,
  OP_REMOVE_TREE = 14,
  OP_SYNCFS = 15,
  OP_SIGNAL = 16,
  OP_IDENTIFY = 17,
  OP_LOCK = 18,
  OP_CANCEL = 19,
  OP_BIND_IN_ROOT = 20,
};

enum status {
  STATUS_OK = 0,
  /* The kernel refused. */
  STATUS_FAILED = 1,
  /* The program could not be executed. */
  STATUS_EXEC = 2,
  STATUS_TIMED_OUT = 3,
  STATUS_CANCELLED = 4,
  /* The child ended without an answer, or the monitor before it was ready. */
  STATUS_DIED = 5,
};

enum { OVERLAY_VOLATILE = 1 };
enum { BIND_READONLY = 1, BIND_RECURSIVE = 2 };
enum { TMPFS_NOSUID = 1, TMPFS_NODEV = 2, TMPFS_NOEXEC = 4 };

#endif
