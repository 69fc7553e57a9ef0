import { Encoder } from '../../base';
import type { BindMount, IdMap, MonitorRequest, OverlayMount, PinRequest, RunRequest, TmpfsMount } from '../kernel';

const empty = Buffer.alloc(0);
const flags = (...set: boolean[]) => set.reduce((all, on, bit) => all | (on ? 1 << bit : 0), 0);
const environment = (env: Readonly<Record<string, string>> = {}) =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);

function program(request: Omit<RunRequest, 'stdin'>): Encoder {
  return new Encoder()
    .str(request.path)
    .list(request.args)
    .list(environment(request.env))
    .str(request.cwd ?? '')
    .u32(Math.ceil(request.timeoutMs ?? 0));
}

export function encodeRun(request: RunRequest): Buffer {
  const stdin = request.stdin ?? empty;
  return program(request)
    .bytes(typeof stdin === 'string' ? Buffer.from(stdin) : stdin)
    .finish();
}

export function encodeRunStreamed(request: Omit<RunRequest, 'stdin'>, token: Buffer): Buffer {
  return program(request).bytes(token).finish();
}

export function encodeMonitor(request: MonitorRequest): Buffer {
  return new Encoder().str(request.path).list(request.args).list(environment(request.env)).finish();
}

export function encodeOverlay({ lowers, writable, target, idmap }: OverlayMount): Buffer {
  const encoder = new Encoder()
    .u8(flags(writable?.volatile ?? false))
    .str(writable?.upper ?? '')
    .str(writable?.work ?? '')
    .str(target)
    .list(lowers);
  return encodeIdMap(encoder, idmap).finish();
}

/** Both maps; without one both are empty. */
function encodeIdMap(encoder: Encoder, idmap: IdMap | undefined): Encoder {
  for (const ranges of [idmap?.uids ?? [], idmap?.gids ?? []]) {
    encoder.u32(ranges.length);
    for (const { containerId, hostId, length } of ranges) encoder.u32(containerId).u32(hostId).u32(length);
  }
  return encoder;
}

export function encodeBind(mount: BindMount): Buffer {
  return new Encoder().str(mount.source).str(mount.target).u8(flags(mount.readonly, mount.recursive)).finish();
}

export function encodeTmpfs(mount: TmpfsMount): Buffer {
  return new Encoder()
    .str(mount.target)
    .u64(BigInt(mount.sizeBytes))
    .u32(mount.mode)
    .u32(mount.uid ?? 0)
    .u32(mount.gid ?? 0)
    .u8(flags(mount.nosuid, mount.nodev, mount.noexec))
    .finish();
}

export function encodePin(request: PinRequest): Buffer {
  const sysctls = Object.entries(request.sysctls);
  const encoder = new Encoder()
    .str(request.net ?? '')
    .str(request.ipc ?? '')
    .str(request.uts ?? '')
    .str(request.user?.path ?? '');
  encodeIdMap(encoder, request.user?.idmap)
    .str(request.hostname ?? '')
    .u32(sysctls.length);
  for (const [name, value] of sysctls) encoder.str(name).str(value);
  return encoder.finish();
}

export function encodeDial(token: Buffer, netns: string | undefined, port: number): Buffer {
  return new Encoder()
    .bytes(token)
    .str(netns ?? '')
    .u16(port)
    .finish();
}

/** A payload of strings only. */
export function encodePath(...paths: string[]): Buffer {
  const encoder = new Encoder();
  for (const path of paths) encoder.str(path);
  return encoder.finish();
}
