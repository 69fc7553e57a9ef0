import { WireError, Decoder, Encoder } from '../../base';
import type { ProcessIdentity } from '../../kernel';
import type { LogEvent, MonitorEvent, OomEvent } from './events';
import type { ExecEnd, ExitRecord, ExitStatus, MonitorAttach, MonitorExec, MonitorState, OomVerdict } from './monitor';

/** "BMON", little-endian. */
const magic = 0x4e4f4d42;
export const protocolVersion = 1;

/** What a connection is for; docs/monitor-protocol.md has the rules of each. */
export const role = { control: 1, exec: 2, attach: 3, events: 4 } as const;

/** Frame types, as conmon/monitor/protocol.h has them. Those from 0x80 up are the monitor's. */
export const frameType = {
  hello: 0x01,
  start: 0x10,
  signal: 0x11,
  resize: 0x12,
  reopen: 0x13,
  release: 0x14,
  exec: 0x20,
  stdin: 0x21,
  stdinEof: 0x22,
  attach: 0x30,
  subscribe: 0x40,
  welcome: 0x81,
  error: 0x82,
  ok: 0x90,
  signaled: 0x91,
  reopened: 0x92,
  state: 0x93,
  oom: 0x94,
  log: 0x95,
  started: 0xa0,
  stdout: 0xa1,
  stderr: 0xa2,
  exit: 0xa3,
} as const;

/** The most that one STDIN frame carries. */
export const stdinMax = 64 * 1024;

/** Numbers in an ERROR frame. Those below 10 end the connection. */
export const errorCode = {
  frame: 1,
  version: 2,
  role: 3,
  state: 10,
  runtime: 11,
  unsupported: 12,
  system: 13,
  slow: 14,
} as const;

const execFlag = { stdin: 1, tty: 2 } as const;
const attachFlag = { stdin: 1, stdout: 2, stderr: 4 } as const;
const eventFlag = { state: 1, oom: 2, log: 4 } as const;
const exitFlag = { timedOut: 1, truncated: 2 } as const;

const oomVerdicts: readonly OomVerdict[] = ['no', 'counted', 'inferred'];
/** From 1 up. */
const logChanges: readonly LogEvent['change'][] = ['loses', 'writes', 'opened-anew', 'rotated'];

/** What a monitor says of itself when it is greeted. */
export interface Welcome {
  readonly version: number;
  readonly role: number;
  readonly tty: boolean;
  readonly monitorPid: number;
  readonly id: string;
  readonly state: MonitorState;
}

/** The monitor's refusal of a request, in its own words. */
export interface MonitorRefusal {
  readonly code: number;
  readonly message: string;
}

export function encodeHello(as: number): Buffer {
  return new Encoder().u32(magic).u16(protocolVersion).u8(as).u8(0).finish();
}

export function encodeSignal(signum: number): Buffer {
  return new Encoder().u32(signum).finish();
}

export function encodeResize(width: number, height: number): Buffer {
  return new Encoder().u16(width).u16(height).finish();
}

export function encodeExec(request: MonitorExec): Buffer {
  const flags = (request.stdin ? execFlag.stdin : 0) | (request.tty ? execFlag.tty : 0);
  return new Encoder()
    .u8(flags)
    .u32(request.timeoutMs)
    .u64(BigInt(request.outputCap))
    .bytes(Buffer.from(JSON.stringify(request.process)))
    .finish();
}

export function encodeAttach(wanted: MonitorAttach): Buffer {
  const flags =
    (wanted.stdin ? attachFlag.stdin : 0) |
    (wanted.stdout ? attachFlag.stdout : 0) |
    (wanted.stderr ? attachFlag.stderr : 0);
  return new Encoder().u8(flags).finish();
}

export function encodeSubscribe(kinds: readonly MonitorEvent['kind'][]): Buffer {
  return new Encoder().u32(kinds.reduce((mask, kind) => mask | eventFlag[kind], 0)).finish();
}

export function decodeWelcome(payload: Buffer): Welcome {
  return whole(payload, (r) => ({
    version: r.u16(),
    role: r.u8(),
    tty: (r.u8() & 1) !== 0,
    monitorPid: r.u32(),
    id: r.str(),
    state: readState(r),
  }));
}

export function decodeError(payload: Buffer): MonitorRefusal {
  return whole(payload, (r) => ({ code: r.u16(), message: r.str() }));
}

export function decodeState(payload: Buffer): MonitorState {
  return whole(payload, readState);
}

/** Whether init was there to get the signal. */
export function decodeSignaled(payload: Buffer): boolean {
  return whole(payload, (r) => r.u8() !== 0);
}

export function decodeReopened(payload: Buffer): { readonly inode: bigint; readonly size: bigint } {
  return whole(payload, (r) => ({ inode: r.u64(), size: r.u64() }));
}

export function decodeOom(payload: Buffer): OomEvent {
  return whole(payload, (r) => ({ kind: 'oom', count: r.u64(), at: r.u64() }));
}

export function decodeLog(payload: Buffer): LogEvent {
  return whole(payload, (r) => ({
    kind: 'log',
    change: oneOf(logChanges, r.u8() - 1, 'a change of the log'),
    inode: r.u64(),
    size: r.u64(),
    dropped: r.u64(),
  }));
}

export function decodeExit(payload: Buffer): ExecEnd {
  return whole(payload, (r) => {
    const status = readStatus(r);
    const flags = r.u8();
    return { status, timedOut: (flags & exitFlag.timedOut) !== 0, truncated: (flags & exitFlag.truncated) !== 0 };
  });
}

/** The body of an exit record, which STATE carries too. */
export function decodeRecord(payload: Buffer): ExitRecord {
  return whole(payload, readRecord);
}

function whole<T>(payload: Buffer, read: (reader: Decoder) => T): T {
  const reader = new Decoder(payload);
  const value = read(reader);
  reader.end();
  return value;
}

function oneOf<T>(values: readonly T[], index: number, what: string): T {
  const value = values[index];
  if (value === undefined) throw new WireError(`${what} of number ${index}`);
  return value;
}

function readStatus(r: Decoder): ExitStatus {
  const kind = r.u8();
  const value = r.u32();
  const reason = r.str();
  switch (kind) {
    case 1:
      return { kind: 'exited', code: value };
    case 2:
      return { kind: 'signaled', signal: value };
    case 3:
      return { kind: 'unknown', reason };
    case 4:
      return { kind: 'not-started', reason };
    default:
      throw new WireError(`an exit status of kind ${kind}`);
  }
}

function readRecord(r: Decoder): ExitRecord {
  return {
    status: readStatus(r),
    startedAt: r.u64(),
    finishedAt: r.u64(),
    oom: oneOf(oomVerdicts, r.u8(), 'an OOM verdict'),
    bytesLogged: r.u64(),
    bytesDropped: r.u64(),
  };
}

/** Zeros where there is none yet. */
function readInit(r: Decoder): ProcessIdentity | undefined {
  const init = { pid: r.u32(), startTime: r.u64() };
  return init.pid === 0 ? undefined : init;
}

function readState(r: Decoder): MonitorState {
  const kind = r.u8();
  switch (kind) {
    case 1:
      return { kind: 'creating' };
    case 2:
      return { kind: 'created', init: readInit(r) };
    case 3:
      return { kind: 'running', init: { pid: r.u32(), startTime: r.u64() }, startedAt: r.u64() };
    case 4:
      return { kind: 'exited', record: readRecord(r) };
    case 5:
      return { kind: 'failed', message: r.str() };
    default:
      throw new WireError(`a state of kind ${kind}`);
  }
}
