import type { DeviceIo } from './details';
import { readSmall } from './file';

interface Counted {
  readonly major: number;
  readonly minor: number;
  readonly bytes: Map<string, bigint>;
  readonly operations: Map<string, bigint>;
}

/**
 * Of a cgroup of v1's blkio controller, from what its throttle counts: that is there whichever scheduler a disk has. What
 * is below the cgroup is in it, but for kernels without the recursive files (before 5.3).
 */
export function ioOfV1(dir: string): readonly DeviceIo[] | undefined {
  const read = (name: string) => readSmall(`${dir}/${name}_recursive`) ?? readSmall(`${dir}/${name}`);
  const bytes = read('blkio.throttle.io_service_bytes');
  const operations = read('blkio.throttle.io_serviced');
  return bytes === undefined || operations === undefined ? undefined : parseBlkio(bytes, operations);
}

/** Of a cgroup of v2; undefined where its parent does not hand the controller down. */
export function ioOfV2(dir: string): readonly DeviceIo[] | undefined {
  const text = readSmall(`${dir}/io.stat`);
  return text === undefined ? undefined : parseIoStat(text);
}

/** Lines `8:0 Read 4096` of two files, and a sum over all devices, which is passed over. */
export function parseBlkio(bytes: string, operations: string): readonly DeviceIo[] {
  const devices = new Map<string, Counted>();
  const take = (text: string, kind: 'bytes' | 'operations') => {
    for (const [, major = '', minor = '', operation = '', figure = ''] of text.matchAll(
      /^(\d+):(\d+) ([A-Z][a-z]*) (\d+)$/gm,
    ))
      counted(devices, major, minor)[kind].set(operation, BigInt(figure));
  };
  take(bytes, 'bytes');
  take(operations, 'operations');
  return [...devices.values()];
}

/** What the figures of io.stat are, in v1's words. */
const ioKeys = new Map<string, readonly ['bytes' | 'operations', string]>([
  ['rbytes', ['bytes', 'Read']],
  ['wbytes', ['bytes', 'Write']],
  ['dbytes', ['bytes', 'Discard']],
  ['rios', ['operations', 'Read']],
  ['wios', ['operations', 'Write']],
  ['dios', ['operations', 'Discard']],
]);

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 …`; a device may stand there without figures, and with others' (cost.usage). */
export function parseIoStat(text: string): readonly DeviceIo[] {
  const devices = new Map<string, Counted>();
  for (const [, major = '', minor = '', figures = ''] of text.matchAll(/^(\d+):(\d+) (.*)$/gm)) {
    for (const [, key = '', figure = ''] of figures.matchAll(/(\w+)=(\d+)/g)) {
      const [kind, operation] = ioKeys.get(key) ?? [];
      if (kind && operation) counted(devices, major, minor)[kind].set(operation, BigInt(figure));
    }
  }
  return [...devices.values()];
}

function counted(devices: Map<string, Counted>, major: string, minor: string): Counted {
  const key = `${major}:${minor}`;
  let device = devices.get(key);
  if (!device) {
    device = { major: Number(major), minor: Number(minor), bytes: new Map(), operations: new Map() };
    devices.set(key, device);
  }
  return device;
}
