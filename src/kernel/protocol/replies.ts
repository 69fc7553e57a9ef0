import { type Decoder } from '../../base';
import type { InterfaceCounters, ProcessIdentity, RunResult } from '../kernel';

export function decodeRun(reply: Decoder): RunResult {
  const signaled = reply.u8() === 1;
  const value = reply.u32();
  // A reply is cut out of a larger read buffer: what is kept for long is copied, so that it does not keep that.
  return {
    exitCode: signaled ? undefined : value,
    signal: signaled ? value : undefined,
    timedOut: reply.u8() === 1,
    truncated: reply.u8() === 1,
    stdout: Buffer.from(reply.bytes()),
    stderr: Buffer.from(reply.bytes()),
  };
}

export function decodeIdentity(reply: Decoder): ProcessIdentity {
  return { pid: reply.u32(), startTime: reply.u64() };
}

/** A file's content behind a flag that says whether it is there. */
export function decodeFile(reply: Decoder): Buffer | undefined {
  const present = reply.u8() === 1;
  const content = reply.bytes();
  return present ? Buffer.from(content) : undefined;
}

/** Of each namespace that was asked for, its interfaces; undefined for one that is gone. */
export function decodeCounters(
  reply: Decoder,
  namespaces: number,
): readonly (readonly InterfaceCounters[] | undefined)[] {
  return Array.from({ length: namespaces }, () => (reply.u8() === 1 ? decodeInterfaces(reply) : undefined));
}

function decodeInterfaces(reply: Decoder): readonly InterfaceCounters[] {
  return Array.from({ length: reply.u32() }, () => ({
    name: reply.str(),
    rxBytes: reply.u64(),
    rxPackets: reply.u64(),
    rxErrors: reply.u64(),
    rxDrops: reply.u64(),
    txBytes: reply.u64(),
    txPackets: reply.u64(),
    txErrors: reply.u64(),
    txDrops: reply.u64(),
  }));
}
