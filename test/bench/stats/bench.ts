import { setTimeout as delay } from 'node:timers/promises';
import { present } from '../../../e2e/support/cri';
import type { ContainerStats, PodSandboxStats } from '../../../src/wire';
import type { World } from '../../../e2e/support/world';
import { benchDaemon } from '../bench-daemon';
import { benchPlace } from '../place';
import { writeResult } from '../result';
import { expectations } from './expectations';
import { figuresOfContainer, figuresOfPod, type Figures } from './figures';
import { KernelView } from './kernel';
import { endLoad, loadNames, startLoad, type LoadName, type RunningLoad } from './load';
import { compare, compareTable, fails, type CompareRow } from './verdict';

export interface StatsCompareOptions {
  /** How long the interval is: more than the ten seconds after which both daemons take their samples anew. */
  readonly seconds: number;
  readonly resultDir: string;
  readonly say: (line: string) => void;
}

export interface StatsCompared {
  readonly file: string;
  /** Whether all is within its tolerance. */
  readonly alike: boolean;
}

/** A kubelet asks again and again: both daemons count writable layers in the background, berth while somebody asks. */
const pollSeconds = 5;

/**
 * Gives berth and its peer the same load at the same time, asks both what it uses, prints the answers side by side with
 * what the kernel says of either, and writes them as JSON. Fails where there is no peer.
 */
export async function compareStats({ seconds, resultDir, say }: StatsCompareOptions): Promise<StatsCompared> {
  await using place = await benchPlace(say);
  if (!place.kinds.includes('containerd'))
    throw new Error('there is no containerd to compare with: name one with BERTH_PEER');
  await using berth = await benchDaemon('berth', await place.options('berth', 'berth'));
  await using peer = await benchDaemon('containerd', await place.options('containerd', 'containerd'));
  say(`${berth.version} beside ${peer.version}, over ${seconds} s`);
  await using ours = await Measured.begin(berth.world);
  await using theirs = await Measured.begin(peer.world);
  for (let waited = 0; waited < seconds; waited += pollSeconds) {
    await delay(Math.min(pollSeconds, seconds - waited) * 1000);
    await Promise.all([ours.ask(), theirs.ask()]);
  }
  const [berthSaid, peerSaid] = [await ours.end(), await theirs.end()];
  const rows = expectations.map((expectation): CompareRow => {
    const of = ({ figures }: Answers) => figures[expectation.subject] ?? {};
    const kernelOf = ({ kernel }: Answers) => kernel[expectation.subject] ?? {};
    return compare(expectation, {
      berth: of(berthSaid),
      berthKernel: kernelOf(berthSaid),
      peer: of(peerSaid),
      peerKernel: kernelOf(peerSaid),
    });
  });
  say(`\n${compareTable(rows)}`);
  for (const { subject, figure, byDefinition } of rows.filter(({ verdict }) => verdict === 'by definition'))
    say(`${subject}, ${figure}: ${byDefinition}`);
  const versions = { berth: berth.version, peer: peer.version };
  const file = await writeResult(resultDir, 'stats-', { versions, seconds, rows });
  return { file, alike: !rows.some(fails) };
}

type Subjects = Readonly<Record<string, Figures>>;
type Answers = { readonly figures: Subjects; readonly kernel: Subjects };

/** One daemon with the load, from the first question to the last. */
class Measured {
  private constructor(
    private readonly world: World,
    private readonly load: RunningLoad,
    private readonly kernel: Readonly<Record<string, KernelView>>,
    private readonly first: Answer,
  ) {}

  static async begin(world: World): Promise<Measured> {
    const load = await startLoad(world);
    const first = await ask(world, load);
    const kernel: Record<string, KernelView> = { pod: await KernelView.begin(world, load.containers.burns, true) };
    for (const name of loadNames) kernel[name] = await KernelView.begin(world, load.containers[name]);
    return new Measured(world, load, kernel, first);
  }

  ask(): Promise<Answer> {
    return ask(this.world, this.load);
  }

  async end(): Promise<Answers> {
    const { first } = this;
    const last = await this.ask();
    const kernel: Record<string, Figures> = {};
    for (const [name, view] of Object.entries(this.kernel)) kernel[name] = await view.end();
    const figures: Record<string, Figures> = { pod: figuresOfPod(first.pod, last.pod) };
    for (const name of loadNames) figures[name] = figuresOfContainer(first.container(name), last.container(name));
    return { figures, kernel };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return endLoad(this.world, this.load);
  }
}

interface Answer {
  readonly pod: PodSandboxStats;
  container(name: LoadName): ContainerStats;
}

/** What the daemon says now, by its lists. */
async function ask({ cri }: World, { pod, containers }: RunningLoad): Promise<Answer> {
  const stats = await cri.listContainerStats({ podSandboxId: pod.id });
  const [podStats] = await cri.listPodStats({ id: pod.id });
  return {
    pod: present(podStats),
    container: (name) => present(stats.find(({ attributes }) => attributes?.id === containers[name].id)),
  };
}
