/** Numbers of docs/launcher-protocol.md; conmon/launcher/protocol.h has the same. Never reused. */
export const Op = {
  hello: 0,
  run: 1,
  runStreamed: 2,
  startMonitor: 3,
  mountOverlay: 4,
  mountBind: 5,
  mountTmpfs: 6,
  unmount: 7,
  pin: 8,
  unpin: 9,
  dial: 10,
  interfaceCounters: 11,
  readInRoot: 12,
  mkdirInRoot: 13,
  removeTree: 14,
  syncFs: 15,
  signal: 16,
  identify: 17,
  lock: 18,
  cancel: 19,
  bindInRoot: 20,
} as const;

/** How an operation ended, in the header of its answer. */
export const Status = {
  ok: 0,
  failed: 1,
  exec: 2,
  timedOut: 3,
  cancelled: 4,
  died: 5,
} as const;

export type OpNumber = (typeof Op)[keyof typeof Op];

const names: readonly string[] = Object.entries(Op).reduce<string[]>((all, [name, op]) => {
  all[op] = name;
  return all;
}, []);

/** Its name in the table above. */
export function opName(op: OpNumber): string {
  return names[op] ?? '';
}

export const protocolVersion = 5;
export const headerSize = 12;
export const tokenSize = 16;
/** Bounds of the launcher, in bytes. */
export const maxRequest = 256 * 1024;
export const maxReply = 1024 * 1024 + 4096;
export const maxStdin = 48 * 1024;
export const maxFile = 1024 * 1024;
