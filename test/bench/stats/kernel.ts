import { readFile } from 'node:fs/promises';
import { figuresIn, cgroupFolders, foldersAbove, type CgroupFigures } from '../../../e2e/support/cgroup-figures';
import { run } from '../../../e2e/support/machine';
import type { Running, World } from '../../../e2e/support/world';
import { coresBetween, type CpuReading, type Figures } from './figures';

/** What the kernel's own files say of a container, or of a pod by one of its containers. */
export class KernelView {
  private constructor(
    private readonly pid: number,
    private readonly read: () => Promise<CgroupFigures>,
    private readonly before: CpuReading,
    private readonly pod: boolean,
  ) {}

  /** The interval begins. */
  static async begin(world: World, { id }: Running, pod = false): Promise<KernelView> {
    const own = await cgroupFolders(world, id);
    const folders = pod ? foldersAbove(own) : own;
    const { info } = await world.cri.containerStatusVerbose(id);
    const { pid } = JSON.parse(info['info'] ?? '{}') as { readonly pid: number };
    const read = () => figuresIn(folders);
    const { cpuNs } = await read();
    return new KernelView(pid, read, { at: now(), cpuNs }, pod);
  }

  /** The interval ends: the same names as the daemons' figures. */
  async end(): Promise<Figures> {
    const { cpuNs, memory, tasks } = await this.read();
    const cores = coresBetween(this.before, { at: now(), cpuNs });
    const { usage, workingSet, rss, limit, pageFaults, majorPageFaults } = memory;
    return {
      'cpu over the interval, cores': cores,
      'cpu.usage_nano_cores, cores': cores,
      'memory.usage_bytes': usage,
      'memory.working_set_bytes': workingSet,
      'memory.rss_bytes': rss,
      ...(limit !== undefined && { 'memory.available_bytes': limit - workingSet }),
      'memory.page_faults': pageFaults,
      'memory.major_page_faults': majorPageFaults,
      ...(this.pod ? { 'process.process_count': tasks, ...(await network(this.pid)) } : await layer(this.pid)),
    };
  }
}

const now = (): number => Number(process.hrtime.bigint());

/** The upper layer of the root that the process is in, as `du` counts it. */
async function layer(pid: number): Promise<Figures> {
  const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
  const upper = / \/ .* - overlay .*upperdir=([^, ]+)/.exec(mounts)?.[1];
  if (upper === undefined) throw new Error(`the root of process ${pid} is no overlay`);
  const du = async (...options: string[]) => Number.parseInt(await run('du', '-s', ...options, upper), 10);
  return {
    'writable_layer.used_bytes': await du('--block-size=1'),
    'writable_layer.inodes_used': await du('--inodes'),
  };
}

/** The counters of the network that the process is in. */
async function network(pid: number): Promise<Figures> {
  const text = await readFile(`/proc/${pid}/net/dev`, 'utf8');
  const [rx, , , , , , , , tx] = /^ *eth0:(.*)$/m.exec(text)?.[1]?.trim().split(/ +/) ?? [];
  return { 'network.rx_bytes': Number(rx), 'network.tx_bytes': Number(tx) };
}
