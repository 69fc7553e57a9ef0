import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { type Collector, openCollector, type ReadSpan } from '../../test/observe/tracing/collector';
import { childrenOf } from '../support/crash/moment';
import { logOf } from '../support/daemon';
import { images } from '../support/fixtures';
import { rejection } from '../support/matchers';
import { account, Registries } from '../support/registries';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly job?: string;
  readonly rpc?: string;
  readonly room?: string;
  readonly code?: string;
  readonly stages?: Readonly<Record<string, number>>;
}

/** What the state dump says of jobs and requests. */
interface Dump {
  readonly jobs: {
    readonly oldest: readonly {
      readonly name: string;
      readonly id: string;
      readonly ms: number;
      readonly now: readonly { stage: string }[];
    }[];
  };
  readonly waiting: Readonly<Record<string, number>>;
  readonly launcher: { readonly oldest: readonly { readonly op: string; readonly object: string }[] };
  readonly handles: Readonly<Record<string, number>>;
  readonly containers: Readonly<Record<string, number>>;
}

berthOnly('operations', () => {
  let spare: SpareDaemon;
  let registries: Registries;
  let collector: Collector;
  let dir: string;

  /** The configuration, with another table of the log's. */
  const config = (log: string) =>
    [
      `[image]\ncerts_dirs = ["${registries.certsDir}"]`,
      `[tracing]\nendpoint = "${collector.endpoint}"\nsampling_rate_per_million = 1_000_000`,
      log,
      '[log.slow_operation]\nchange = 0.3\n',
    ].join('\n');

  beforeAll(async () => {
    collector = await openCollector();
    registries = await Registries.start();
    spare = await spareDaemon({ config: config('') });
    dir = spare.daemon.layout.pluginDir;
    await mkdir(dir, { recursive: true });
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => {
    // What hangs goes on, also where a test has failed before it let it.
    await rm(join(dir, 'gate'), { force: true });
    await spare[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  const log = () => readFile(logOf(spare.daemon.layout), 'utf8');
  const lines = async () =>
    (await log())
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text) as Line);
  const told = (what: string, is: (line: Line) => boolean) => until(what, async () => (await lines()).find(is));
  const reload = async (table: string) => {
    await writeFile(join(spare.daemon.layout.dir, 'berth.toml'), config(table));
    expect((await spare.reload()).msg).toMatch(/was reloaded/);
  };
  const dump = async (): Promise<Dump> => {
    const before = (await lines()).length;
    process.kill(spare.daemon.pid, 'SIGUSR1');
    const { msg } = await until('the dump to be told', async () =>
      (await lines()).slice(before).find((line) => /the state of berthd is in/.test(line.msg)),
    );
    const file = msg.replace(/^.* is in /, '');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    return JSON.parse(await readFile(file, 'utf8')) as Dump;
  };

  test('a plugin that hangs is named by the log while it hangs, by the state dump, and by the line of the call', async () => {
    const { world } = spare;
    // It hangs for as long as the gate is there.
    const gate = join(dir, 'gate');
    await writeFile(
      join(dir, 'hang'),
      `#!/bin/sh\ncat > /dev/null\nwhile [ -e ${gate} ] && [ "$CNI_COMMAND" = ADD ]; do sleep 0.05; done\n` +
        `[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.5/24"}]}'\nexit 0\n`,
      { mode: 0o755 },
    );
    await writeFile(gate, '');
    const { names, cniConfDir } = spare.daemon.layout;
    const list = join(cniConfDir, '00-hang.conflist');
    await writeFile(
      `${list}.new`,
      JSON.stringify({ cniVersion: '1.0.0', name: `${names.network}-hang`, plugins: [{ type: 'hang' }] }),
    );
    await rename(`${list}.new`, list);
    await told('the list to count', ({ msg }) => msg === 'pod network loaded');
    await until('the network to be the one that hangs', async () =>
      (await log()).includes(`"network":"${names.network}-hang"`),
    );

    const pod = world.podConfig();
    const [first, second] = [world.runPod(pod), world.runPod(pod)];
    const slow = await told('the hang', ({ msg }) => /^RunPodSandbox is slow: .*CNI ADD hang/.test(msg));
    expect(slow.level).toBe(40);
    const joined = await told('who waits for it', ({ msg }) =>
      /^RunPodSandbox is slow: .*waiting for another call to make the pod/.test(msg),
    );
    expect(joined.msg).toContain(`held by ${slow.job} RunPodSandbox`);
    expect(joined.job).not.toBe(slow.job);

    const state = await dump();
    const job = state.jobs.oldest.find(({ id }) => id === slow.job);
    expect(job).toMatchObject({
      name: 'RunPodSandbox',
      now: [{ stage: expect.stringMatching(/CNI ADD hang > launcher: run/) as string }],
    });
    expect(state.waiting).toEqual({ 'waiting for another call to make the pod': 1 });
    expect(state.launcher.oldest).toContainEqual(expect.objectContaining({ op: 'run', object: join(dir, 'hang') }));
    expect(state.handles['PipeWrap']).toBeGreaterThan(0);

    await rm(gate);
    expect((await first).id).toBe((await second).id);
    const call = await told('the end of the call', ({ rpc, job: id }) => rpc === 'RunPodSandbox' && id === slow.job);
    expect(call).toMatchObject({ level: 40, code: 'OK', stages: { 'CNI ADD hang': expect.any(Number) as number } });
    const late = await told('the end of the other', ({ rpc, job: id }) => rpc === 'RunPodSandbox' && id === joined.job);
    expect(late).toMatchObject({ waited: [{ holder: `${slow.job} RunPodSandbox` }] });
    await world.removePod((await first).id);
    await rename(list, `${list}.off`);
    await until('the first network again', async () => {
      const { status: answer } = await world.cri.status();
      return answer?.conditions.every((condition) => condition.status);
    });
  });

  test('the level and those of rooms are changed by a reload', async () => {
    const { cri } = spare.world;
    const reads = async () => (await lines()).filter(({ rpc }) => rpc === 'ListPodSandbox').length;
    await cri.listPods();
    expect(await reads()).toBe(0);
    await reload('[log]\nlevel = "debug"');
    await cri.listPods();
    expect(await reads()).toBe(1);
    await reload('[log]\nlevel = "debug"\n[log.filters]\ncri = "info"');
    await cri.listPods();
    expect(await reads()).toBe(1);
    await reload('[log.filters]\ncri = "debug"');
    await cri.listPods();
    const [last] = (await lines()).filter(({ rpc }) => rpc === 'ListPodSandbox').slice(-1);
    expect(last).toMatchObject({
      room: 'cri',
      code: 'OK',
      job: expect.stringMatching(/^[0-9a-f]{4}-[0-9a-z]+$/) as string,
    });
    await reload('');
  });

  test('each call is a span, with its plugins, programs and layers below it', async () => {
    const { world } = spare;
    const pod = await world.runPod();
    const running = await world.start({ command: ['sleep', '3600'] }, pod);
    await world.cri.stop(running.id, 0);
    const find = (name: string, parent?: ReadSpan) =>
      until(`a span ${name}`, () =>
        collector.spans.find((span) => span.name === name && (parent === undefined || span.traceId === parent.traceId)),
      );
    const call = async (rpc: string) =>
      until(`the span of ${rpc}`, () =>
        collector.spans.find(
          ({ name, attributes }) =>
            name === `runtime.v1.${rpc}` &&
            [attributes['berth.container'], attributes['berth.pod']].some((id) => id === running.id || id === pod.id),
        ),
      );
    const run = await call('RuntimeService/RunPodSandbox');
    expect(await find('CNI ADD bridge', run)).toMatchObject({ traceId: run.traceId });
    const create = await call('RuntimeService/CreateContainer');
    expect(await find('launcher: mount overlay', create)).toBeDefined();
    expect(await find('create-container.runtime', create)).toBeDefined();
    const pull = await find('runtime.v1.ImageService/PullImage');
    expect((await find('fetch and unpack layer', pull)).attributes['berth.object']).toMatch(/^sha256:/);
    // Each is below a span that is there, too.
    const ids = new Set(collector.spans.map(({ spanId }) => spanId));
    await until('the parents of all', () => {
      collector.spans.forEach(({ spanId }) => ids.add(spanId));
      return [run, create].every(({ traceId }) =>
        collector.spans.every(
          (span) => span.traceId !== traceId || span.parentSpanId === undefined || ids.has(span.parentSpanId),
        ),
      );
    });
  });

  test('at trace level no secret is in the log: credentials, tokens, environment, commands, annotations, URLs', async () => {
    await reload('[log]\nlevel = "trace"');
    const { world } = spare;
    const { cri } = world;
    const { username, password, identityToken } = account;
    const empty = { username: '', password: '', auth: '', serverAddress: '', identityToken: '', registryToken: '' };
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const wrong = 'a-wrong-password-53';
    const [asking, tokens] = [await registries.withPassword(), await registries.withTokens()];
    const minted = registries.tokens.mint('app', ['pull']);
    for (const [registry, given] of [
      [asking, { username, password }],
      [asking, { auth: basic }],
      [tokens, { username, password }],
      [tokens, { identityToken }],
      [tokens, { registryToken: minted }],
    ] as const) {
      await cri.pull(`${registry.address}/app:1`, { ...empty, ...given });
      await cri.removeImage(`${registry.address}/app:1`);
    }
    for (const registry of [asking, tokens]) {
      const refused = await rejection(cri.pull(`${registry.address}/app:1`, { ...empty, username, password: wrong }));
      expect(refused.code).toBe(status.UNAUTHENTICATED);
    }
    const secrets = ['pod-annotation-1', 'container-annotation-2', 'env-3', 'label-4', 'exec-5', 'argument-6'].map(
      (word) => `hush-${word}`,
    );
    const [ofPod = '', ofContainer = '', inEnv = '', inLabel = '', inExec = '', inArgs = ''] = secrets;
    const pod = await world.runPod(
      world.podConfig({ host: true, annotations: { note: ofPod }, labels: { note: inLabel } }),
    );
    const running = await world.start(
      {
        command: ['sh', '-c', `sleep 3600 # ${inArgs}`],
        envs: [{ key: 'DATABASE_PASSWORD', value: Buffer.from(inEnv) }],
        annotations: { note: ofContainer },
      },
      pod,
    );
    await cri.execSync(running.id, ['sh', '-c', `true ${inExec}`]);
    await rejection(cri.execSync(running.id, ['/no/such/program', inExec]));
    const url = await cri.exec({
      containerId: running.id,
      cmd: ['true', inExec],
      tty: false,
      stdin: false,
      stdout: true,
      stderr: true,
    });
    await rejection(
      cri.create(
        pod.id,
        world.containerConfig(
          {
            command: ['/no/such/program', inArgs],
            envs: [{ key: 'P', value: Buffer.from(inEnv) }],
            mounts: [{ hostPath: '/no/such', containerPath: 'relative' }],
          },
          pod,
        ),
        pod.config,
      ),
    );
    await cri.stop(running.id, 0);
    const text = (await log()) + JSON.stringify([await dump(), collector.spans]);
    // It was as loud as it can be.
    expect(text).toContain('"level":20');
    const token = new URL(url).pathname.split('/').at(-1) ?? '';
    expect(token.length).toBeGreaterThan(7);
    for (const secret of [
      ...secrets,
      password,
      encodeURIComponent(password),
      basic,
      identityToken,
      wrong,
      minted,
      token,
    ]) {
      expect([secret, text.includes(secret)]).toEqual([secret, false]);
    }
    await reload('');
  });

  test('the event loop goes before the programs that it has started, and only it', async () => {
    const given = getPriority();
    expect(getPriority(spare.daemon.pid)).toBe(given - 10);
    // Field 19 of the line, counted behind the name (proc_pid_stat(5)).
    const niceness = async () => {
      const { lines } = await spare.world.runToEnd('sed "s/.*) //" /proc/self/stat | cut -d" " -f17');
      return lines.map(({ text }) => Number(text));
    };
    expect(await niceness()).toEqual([given]);
    const [former] = await childrenOf(spare.daemon.pid);
    process.kill(former ?? 0, 'SIGKILL');
    const launcher = await until('another launcher', async () => {
      const [child] = await childrenOf(spare.daemon.pid);
      return child !== former && child;
    });
    expect(getPriority(launcher)).toBe(given);
    expect(await niceness()).toEqual([given]);
    expect(getPriority(spare.daemon.pid)).toBe(given - 10);

    // Who may not raise it goes on as it was.
    const { command, env } = spare.daemon;
    await spare.kill();
    await spare.launch(env, ['setpriv', '--bounding-set=-sys_nice', ...command]);
    await told('the missing capability', ({ msg }) => /keeps its priority: .*give berthd CAP_SYS_NICE/.test(msg));
    expect(getPriority(spare.daemon.pid)).toBe(given);
    expect(await niceness()).toEqual([given]);
    await spare.kill();
    await spare.launch(env, command);
  });
});
