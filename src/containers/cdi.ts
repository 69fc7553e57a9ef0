import { stat } from 'node:fs/promises';
import { BerthError, errnoOf, isBerthError, messageOf } from '../base';
import {
  parseCdiFile,
  type CdiDeviceNode,
  type CdiEdits,
  type CdiFile,
  type ResolvedEdits,
  type ResolvedNode,
} from '../spec';
import { deviceNode } from './devices';
import { FolderFiles, type FolderFile } from './folder-files';

/** Gives what the named devices ask of a container, in their order, each spec's own edits before those of its devices. */
export type CdiDevices = (names: readonly string[]) => Promise<readonly ResolvedEdits[]>;

interface Found {
  readonly file: CdiFile;
  readonly edits: CdiEdits;
}

/**
 * Looks devices up in the CDI specs of folders, the later of which win. A device that two files of one folder have is
 * nobody's. Rejects `cdi-device-missing` for one that is not found, with what is wrong with files that cannot be read.
 */
export function cdiDevices(folders: () => readonly string[]): CdiDevices {
  const files = new FolderFiles<CdiFile>({
    extensions: ['.json', '.yaml', '.yml'],
    parse: parseCdiFile,
    invalid: 'cdi-invalid',
    op: 'read the CDI specs',
  });
  return async (names) => {
    if (names.length === 0) return [];
    const where = folders();
    const there = await files.read(where);
    const found = names.map((name) => find(there, where, name));
    const specs = new Set(found.map(({ file }) => file));
    const edits = [...specs].flatMap((file) => [
      file.edits,
      ...found.filter((one) => one.file === file).map((one) => one.edits),
    ]);
    return Promise.all(edits.map(resolve));
  };
}

function find(files: readonly FolderFile<CdiFile>[], folders: readonly string[], name: string): Found {
  for (const folder of [...folders].reverse()) {
    const having = files.flatMap(({ folder: its, content }) => {
      if (its !== folder || isBerthError(content)) return [];
      const edits = content.devices.get(name);
      return edits ? [{ file: content, edits }] : [];
    });
    if (having.length > 1)
      throw missing(
        name,
        `it is in ${having.map(({ file }) => file.name).join(' and ')}: neither can be told to be right`,
      );
    if (having[0]) return having[0];
  }
  const broken = files.flatMap(({ content }) => (isBerthError(content) ? [content.message] : []));
  throw missing(name, [`no CDI spec in ${folders.join(', ')} has it`, ...broken].join('; '));
}

function missing(name: string, detail: string): BerthError {
  return new BerthError('cdi-device-missing', { op: 'CreateContainer', object: `CDI device ${name}`, detail });
}

async function resolve({ deviceNodes = [], ...edits }: CdiEdits): Promise<ResolvedEdits> {
  return { ...edits, nodes: await Promise.all(deviceNodes.map(resolveNode)) };
}

/** What a spec leaves out of a node is the host's node's; its mode is 0666, as the CDI library has it. */
async function resolveNode(node: CdiDeviceNode): Promise<ResolvedNode> {
  const { path, hostPath = path, permissions, fileMode = 0o666, uid, gid } = node;
  const own = { path, access: permissions || 'rwm', mode: fileMode, uid, gid };
  const { type, major, minor } = node;
  if (type === 'p') return { ...own, type, major: 0, minor: 0 };
  if (type && major !== undefined && minor !== undefined) return { ...own, type, major, minor };
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('cdi-invalid', { op: 'CreateContainer', object: `CDI device node ${hostPath}`, detail, cause });
  let host: ReturnType<typeof deviceNode>;
  try {
    host = deviceNode(path, await stat(hostPath, { bigint: true }), own.access);
  } catch (error) {
    throw fail(errnoOf(error) ?? messageOf(error), error);
  }
  if (!host) throw fail('it is no device');
  if (type && (type === 'u' ? 'c' : type) !== host.type) throw fail(`it is of type ${host.type}, not ${type}`);
  return { ...host, mode: own.mode, uid, gid };
}
