import { shortId } from '../../base';
import { type Container, ContainerState } from '../../wire';
import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon, isNotFound } from '../daemon';
import { write } from '../io';
import { json } from '../output/json';
import { table } from '../output/table';
import { age, isoTime, shortImageId } from '../output/units';

interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly pod: string;
  readonly podId: string;
  readonly state: string;
  readonly exitCode: number | undefined;
  readonly createdAt: bigint;
}

/** berth ps */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description('Lists containers: those that run, or all.')
    .option('-a, --all', 'those that do not run, too')
    .option('-q, --quiet', 'print ids only')
    .action(async ({ all, quiet }: { all?: boolean; quiet?: boolean }) => {
      const options = globalOptions(command, io);
      using daemon = new Daemon(options);
      const [containers, pods] = await Promise.all([daemon.containers(), daemon.pods()]);
      const shown = containers.filter(({ state }) => all || state === ContainerState.CONTAINER_RUNNING);
      if (quiet) {
        await write(io.stdout, shown.map(({ id }) => `${id}\n`).join(''));
        return;
      }
      const podNames = new Map(pods.map(({ id, metadata }) => [id, metadata?.name ?? '']));
      const rows = await Promise.all(shown.map((container) => rowOf(daemon, container, podNames)));
      rows.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
      const scripts = () => rows.map((row) => ({ ...row, createdAt: isoTime(row.createdAt) }));
      await write(io.stdout, options.json ? json(scripts()) : table(columns(Date.now()), rows));
    });
};

const columns = (now: number) => [
  { title: 'CONTAINER', text: ({ id }: ContainerRow) => shortId(id) },
  { title: 'NAME', text: ({ name }: ContainerRow) => name },
  {
    title: 'IMAGE',
    text: ({ image }: ContainerRow) => (/^sha256:[0-9a-f]{64}$/.test(image) ? shortImageId(image) : image),
  },
  { title: 'POD', text: ({ pod, podId }: ContainerRow) => pod || shortId(podId) },
  {
    title: 'STATE',
    text: ({ state, exitCode }: ContainerRow) => (exitCode === undefined ? state : `${state} (${exitCode})`),
  },
  { title: 'CREATED', text: ({ createdAt }: ContainerRow) => age(createdAt, now) },
];

async function rowOf(
  daemon: Daemon,
  container: Container,
  podNames: ReadonlyMap<string, string>,
): Promise<ContainerRow> {
  return {
    id: container.id,
    name: container.metadata?.name ?? '',
    image: container.image?.image ?? container.imageId,
    pod: podNames.get(container.podSandboxId) ?? '',
    podId: container.podSandboxId,
    state: containerStateName(container.state),
    exitCode: container.state === ContainerState.CONTAINER_EXITED ? await exitCodeOf(daemon, container.id) : undefined,
    createdAt: container.createdAt,
  };
}

/** CRI's lists do not tell it. A container that has gone meanwhile has none. */
async function exitCodeOf(daemon: Daemon, id: string): Promise<number | undefined> {
  try {
    return (await daemon.containerStatus(id)).status?.exitCode;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function containerStateName(state: ContainerState): string {
  switch (state) {
    case ContainerState.CONTAINER_CREATED:
      return 'created';
    case ContainerState.CONTAINER_RUNNING:
      return 'running';
    case ContainerState.CONTAINER_EXITED:
      return 'exited';
    case ContainerState.CONTAINER_UNKNOWN:
    case ContainerState.UNRECOGNIZED:
      return 'unknown';
    default:
      return state satisfies never;
  }
}
