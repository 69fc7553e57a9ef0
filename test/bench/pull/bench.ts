import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { layoutIn } from '../../../e2e/support/layout';
import { usesSlices } from '../../../e2e/support/environment';
import { drawNames, freePort } from '../../../e2e/support/machine';
import { Registry } from '../../../e2e/support/registry';
import { writeResult } from '../result';
import { layerMib, makePools } from './content';
import { puller, type Puller, type PullerName, type PullSample } from './contestant';
import { pushPullImage, type PullImage } from './image';
import { pullTable, pullVerdicts, quietest } from './report';

export interface PullBenchOptions {
  readonly rounds: number;
  /** Where the image is kept from one run to the next. */
  readonly cacheDir: string;
  readonly resultDir: string;
  /** Only these; all by default. */
  readonly only: readonly PullerName[];
  readonly say: (line: string) => void;
}

const repository = 'bench/pull';
const warmUp = 'bench/warm-up';
const imageName = `registry.e2e.test/${repository}:v1`;

/** Pulls one large image with each daemon in turns, prints the table and writes it as JSON; gives its path. */
export async function pullBench({ rounds, cacheDir, resultDir, only, say }: PullBenchOptions): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const { registry, image } = await openRegistry(cacheDir, dir, say);
  const pullers: Puller[] = [];
  try {
    await pushPullImage(registry, warmUp, 'v1', { dir, layerMib: [0.1, 0.1], pools: makePools(1 << 16) });
    const hosts = { registry: registry.address, hostile: registry.address };
    for (const name of only) {
      const layout = layoutIn(
        join(dir, name.replaceAll(' ', '-')),
        await drawNames('bench', name === 'berth' && usesSlices('berth')),
      );
      const opened = await puller(name, { layout, hosts });
      pullers.push(opened);
      // What a daemon loads once, it has loaded: its growth is that of the pull.
      await opened.pull(`registry.e2e.test/${warmUp}:v1`);
      say(`${name}: ${opened.version}`);
    }
    const samples = new Map<PullerName, readonly PullSample[]>();
    for (let round = 0; round < rounds; round++) {
      for (const each of round % 2 === 0 ? pullers : [...pullers].reverse()) {
        const sample = await pullOnce(each);
        samples.set(each.name, [...(samples.get(each.name) ?? []), sample]);
        const { wallMs, cpuMs } = sample;
        say(`round ${round + 1}: ${each.name}: ${seconds(wallMs)} s, ${seconds(cpuMs)} s of processor time`);
      }
    }
    const rows = [...samples].map(([name, taken]) => quietest(name, taken));
    say(`\n${pullTable(rows)}`);
    const verdicts = pullVerdicts(rows);
    for (const { bar, met } of verdicts) say(`${bar}: ${met === undefined ? 'not measured' : met ? 'met' : 'MISSED'}`);
    const versions = Object.fromEntries(pullers.map(({ name, version }) => [name, version]));
    return await writeResult(resultDir, 'pull-', {
      versions,
      image,
      rounds,
      rows,
      verdicts,
      samples: Object.fromEntries(samples),
    });
  } finally {
    const ends = await Promise.allSettled(pullers.map((each) => each.close()));
    await registry.stop();
    await rm(dir, { recursive: true, force: true });
    for (const end of ends) if (end.status === 'rejected') say(`clean-up: ${String(end.reason)}`);
  }
}

/**
 * Nothing that one left to be written is another's to wait for: the disk is quiet before each pull. What was read
 * stays in memory, the registry's files among it.
 */
async function pullOnce(each: Puller): Promise<PullSample> {
  await promisify(execFile)('sync');
  const sample = await each.pull(imageName);
  await each.remove(imageName);
  return sample;
}

/** The registry with the image, which is made at the first run; its file says that it is whole. */
async function openRegistry(cacheDir: string, dir: string, say: (line: string) => void) {
  const file = join(cacheDir, 'pull-v1.json');
  const data = join(cacheDir, 'pull-v1');
  await mkdir(cacheDir, { recursive: true });
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const registry = await Registry.start(join(dir, 'registry'), await freePort(), { data });
  if (known !== undefined) return { registry, image: JSON.parse(known) as PullImage };
  say(`making the image in ${cacheDir}`);
  try {
    const image = await pushPullImage(registry, repository, 'v1', { dir, layerMib });
    await writeFile(`${file}.new`, JSON.stringify(image));
    await rename(`${file}.new`, file);
    return { registry, image };
  } catch (error) {
    await registry.stop();
    throw error;
  }
}

const seconds = (ms: number) => (ms / 1000).toFixed(2);
