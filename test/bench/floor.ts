import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { conflist, makeLayout, type Layout } from '../../e2e/support/layout';
import { removeTraces } from '../../e2e/support/daemon';
import { run } from '../../e2e/support/machine';
import type { Contestant, Extent } from './contestant';
import { timed, type Measured } from './measure';
import { calibratedPulse } from './pulse';
import { inLanes, readsWhile } from './reads';

/**
 * The bare programs that every runtime has to run: the CNI plugins, runc create, start, exec, kill and delete. No time of
 * a runtime can be below it, but by running other programs.
 */
export async function floorContestant(layout: Layout, pluginDir: string): Promise<Contestant> {
  await makeLayout(layout, false);
  const rootfs = join(layout.root, 'rootfs');
  await mkdir(join(rootfs, 'bin'), { recursive: true });
  for (const dir of ['proc', 'sys', 'dev', 'tmp']) await mkdir(join(rootfs, dir));
  await run('cp', '-L', '/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const applet of ['sleep', 'true']) await run('ln', '-s', 'busybox', join(rootfs, 'bin', applet));
  const bare = new BarePods(layout, rootfs, pluginDir);
  return {
    name: 'floor',
    version: (await run('runc', '--version')).split('\n')[0] ?? 'runc',
    round: (extent) => bare.round(extent),
    close: () => removeTraces(layout),
  };
}

class BarePods {
  constructor(
    private readonly layout: Layout,
    private readonly rootfs: string,
    private readonly pluginDir: string,
  ) {}

  async round({ pods, execs, burst }: Extent): Promise<readonly Measured[]> {
    const starts: number[] = [];
    const stops: number[] = [];
    for (let index = 0; index < pods; index++) {
      const pod = await this.prepare();
      starts.push((await timed(() => this.start(pod))).ms);
      stops.push((await timed(() => this.stop(pod))).ms);
      await run('ip', 'netns', 'delete', pod);
    }
    const one = await this.prepare();
    await this.start(one);
    const exec: number[] = [];
    for (let index = 0; index < execs; index++) exec.push((await timed(() => this.runc('exec', one, 'true'))).ms);
    await this.stop(one);
    await run('ip', 'netns', 'delete', one);

    const many: string[] = [];
    for (let index = 0; index < burst; index++) many.push(await this.prepare());
    const up = await timed(() => Promise.all(many.map((pod) => this.start(pod))));
    const reads = await readsWhile([calibratedPulse()], () => this.comeAndGo(pods));
    const down = await timed(() => Promise.all(many.map((pod) => this.stop(pod))));
    for (const pod of many) await run('ip', 'netns', 'delete', pod);
    return [
      { row: 'pod start', samples: starts },
      { row: 'pod stop', samples: stops },
      { row: 'exec', samples: exec },
      { row: 'burst', samples: [up.ms] },
      { row: 'reads', samples: reads },
      { row: 'teardown', samples: [down.ms] },
    ];
  }

  /** Starts and stops so many pods, as many at a time as those of the daemons. */
  private comeAndGo(pods: number): Promise<void> {
    return inLanes(pods, async () => {
      const pod = await this.prepare();
      await this.start(pod);
      await this.stop(pod);
      await run('ip', 'netns', 'delete', pod);
    });
  }

  /** A network namespace and a bundle: what is made before the clock runs. */
  private async prepare(): Promise<string> {
    const id = `${this.layout.names.network}-${randomBytes(4).toString('hex')}`;
    await run('ip', 'netns', 'add', id);
    const bundle = join(this.layout.root, id);
    await mkdir(bundle);
    await run('runc', 'spec', '--bundle', bundle);
    const spec = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as Spec;
    const namespaces = spec.linux.namespaces.map((namespace) =>
      namespace.type === 'network' ? { ...namespace, path: `/run/netns/${id}` } : namespace,
    );
    const changed = {
      ...spec,
      process: { ...spec.process, terminal: false, args: ['/bin/sleep', '3600'], rlimits: [] },
      root: { path: this.rootfs, readonly: true },
      linux: { ...spec.linux, namespaces, cgroupsPath: join(this.layout.names.cgroupParent, id) },
    };
    await writeFile(join(bundle, 'config.json'), JSON.stringify(changed));
    return id;
  }

  private async start(id: string): Promise<void> {
    await this.network('ADD', id);
    await this.runc('create', '--bundle', join(this.layout.root, id), id);
    await this.runc('start', id);
  }

  private async stop(id: string): Promise<void> {
    await this.runc('delete', '--force', id);
    await this.network('DEL', id);
  }

  private runc(...args: string[]): Promise<string> {
    return execute('runc', ['--root', this.layout.runRoot, ...args]);
  }

  /** The plugins of the list as libcni runs them: ADD forwards with the result handed on, DEL backwards. */
  private async network(command: 'ADD' | 'DEL', id: string): Promise<void> {
    const list = conflist(this.layout) as { cniVersion: string; name: string; plugins: Record<string, unknown>[] };
    const { plugins, ...head } = list;
    const env = {
      PATH: process.env['PATH'] ?? '',
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: `/run/netns/${id}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: this.pluginDir,
    };
    let result: unknown;
    for (const plugin of command === 'ADD' ? plugins : [...plugins].reverse()) {
      const config = { ...head, ...plugin, ...(result === undefined ? {} : { prevResult: result }) };
      const answer = await execute(join(this.pluginDir, String(plugin['type'])), [], env, JSON.stringify(config));
      if (command === 'ADD') result = JSON.parse(answer);
    }
  }
}

interface Spec {
  readonly process: object;
  readonly linux: { readonly namespaces: readonly { readonly type: string }[] };
}

/** Runs a program with stdin; its stdout, or an error with what it said. `runc create` hands its stdio on: none is kept. */
function execute(program: string, args: readonly string[], env?: NodeJS.ProcessEnv, stdin?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const output = stdin === undefined ? 'ignore' : 'pipe';
    const child = spawn(program, args, { env: env ?? process.env, stdio: [output, output, output] });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once(output === 'pipe' ? 'close' : 'exit', (code) => {
      const text = Buffer.concat(chunks).toString();
      if (code === 0) resolve(text);
      else reject(new Error(`${program} ${args.join(' ')}: exit ${code}: ${text}`));
    });
    child.stdin?.end(stdin);
  });
}
