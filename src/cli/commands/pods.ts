import { shortId } from '../../base';
import { type PodSandbox, PodSandboxState } from '../../wire';
import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon, isNotFound } from '../daemon';
import { write } from '../io';
import { json } from '../output/json';
import { table } from '../output/table';
import { age, isoTime } from '../output/units';

interface PodRow {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: string;
  /** The first address, or empty. */
  readonly ip: string;
  readonly ips: readonly string[];
  readonly createdAt: bigint;
}

/** berth pods */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description(
      'Lists pods, ready or not, with their addresses. A pod on the network of the node has none of its own.',
    )
    .option('-q, --quiet', 'print ids only')
    .action(async ({ quiet }: { quiet?: boolean }) => {
      const options = globalOptions(command, io);
      using daemon = new Daemon(options);
      const pods = await daemon.pods();
      if (quiet) {
        await write(io.stdout, pods.map(({ id }) => `${id}\n`).join(''));
        return;
      }
      const rows = await Promise.all(pods.map((pod) => rowOf(daemon, pod)));
      rows.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
      const scripts = () => rows.map((row) => ({ ...row, createdAt: isoTime(row.createdAt) }));
      await write(io.stdout, options.json ? json(scripts()) : table(columns(Date.now()), rows));
    });
};

const columns = (now: number) => [
  { title: 'POD', text: ({ id }: PodRow) => shortId(id) },
  { title: 'NAME', text: ({ name }: PodRow) => name },
  { title: 'NAMESPACE', text: ({ namespace }: PodRow) => namespace },
  { title: 'STATE', text: ({ state }: PodRow) => state },
  { title: 'IP', text: ({ ip }: PodRow) => ip || '-' },
  { title: 'CREATED', text: ({ createdAt }: PodRow) => age(createdAt, now) },
];

async function rowOf(daemon: Daemon, pod: PodSandbox): Promise<PodRow> {
  const ips = await addresses(daemon, pod.id);
  return {
    id: pod.id,
    name: pod.metadata?.name ?? '',
    namespace: pod.metadata?.namespace ?? '',
    state: pod.state === PodSandboxState.SANDBOX_READY ? 'ready' : 'not ready',
    ip: ips[0] ?? '',
    ips,
    createdAt: pod.createdAt,
  };
}

async function addresses(daemon: Daemon, id: string): Promise<string[]> {
  try {
    const network = (await daemon.podStatus(id)).status?.network;
    return [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter((ip) => ip !== '');
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
