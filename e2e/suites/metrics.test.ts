import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get as plainGet } from 'node:http';
import { get as tlsGet } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseExposition, valueOf } from '../../test/observe/metrics/support/exposition';
import { lint } from '../../test/observe/metrics/support/lint';
import { Authority, type KeyPair } from '../../test/support/authority';
import { childrenOf } from '../support/crash/moment';
import { logOf } from '../support/daemon';
import { images } from '../support/fixtures';
import { run } from '../support/machine';
import { rejection } from '../support/matchers';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';

/** Where its metrics are, as its log says. */
async function urlOf({ daemon }: SpareDaemon): Promise<string> {
  return until('metrics to be served', async () => {
    const log = await readFile(logOf(daemon.layout), 'utf8');
    return /"url":"([^"]+\/metrics)"/.exec(log)?.[1];
  });
}

/** What it answers; rejects with what TLS says, or another status than 200. */
function scrape(url: string, trust: Partial<KeyPair> & { readonly ca?: string } = {}): Promise<string> {
  const get = url.startsWith('https:') ? tlsGet : plainGet;
  return new Promise((resolve, reject) => {
    get(url, { agent: false, ...trust }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}

berthOnly('the metrics of berthd', () => {
  let spare: SpareDaemon;
  let url: string;
  beforeAll(async () => {
    spare = await spareDaemon({ config: '[metrics]\naddress = "127.0.0.1:0"\n' });
    url = await urlOf(spare);
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  /** By how much a figure has grown since the exposition. */
  const grown = async (since: string, name: string, labels: Record<string, string>) =>
    (valueOf(await scrape(url), name, labels) ?? 0) - (valueOf(since, name, labels) ?? 0);

  test('what a pod’s life needs is counted: calls, CNI, runtime, launcher, records', async () => {
    const { world } = spare;
    const before = await scrape(url);
    const pod = await world.runPod();
    const { id } = await world.start({}, pod);
    const during = await scrape(url);
    expect(valueOf(during, 'berth_pods', { state: 'ready' })).toBe(1);
    expect(valueOf(during, 'berth_containers', { state: 'running' })).toBe(1);
    expect(valueOf(during, 'berth_monitors', { state: 'connected' })).toBe(1);
    expect(valueOf(during, 'berth_monitors', { state: 'unreachable' })).toBe(0);
    await world.cri.execSync(id, ['true']);
    await world.cri.stop(id, 0);
    await world.cri.stopPod(pod.id);
    await world.cri.removePod(pod.id);
    const calls = ['RunPodSandbox', 'CreateContainer', 'StartContainer', 'ExecSync', 'StopContainer', 'StopPodSandbox'];
    for (const rpc of [...calls, 'RemovePodSandbox']) {
      expect([rpc, await grown(before, 'berth_rpc_duration_seconds_count', { rpc, code: 'OK' })]).toEqual([rpc, 1]);
    }
    for (const operation of ['create', 'start', 'exec', 'delete']) {
      const labels = { operation, handler: 'runc', outcome: 'done' };
      const count = await grown(before, 'berth_runtime_operation_duration_seconds_count', labels);
      expect([operation, count]).toEqual([operation, 1]);
    }
    for (const operation of ['ADD', 'DEL']) {
      const labels = { operation, plugin: 'bridge', outcome: 'done' };
      expect([operation, await grown(before, 'berth_cni_operation_duration_seconds_count', labels)]).toEqual([
        operation,
        1,
      ]);
    }
    const started = { operation: 'startMonitor', outcome: 'done' };
    expect(await grown(before, 'berth_launcher_request_duration_seconds_count', started)).toBe(1);
    expect(await grown(before, 'berth_state_write_duration_seconds_count', { table: 'sandboxes' })).toBeGreaterThan(3);
    // A monitor may be let go of a moment after the answer.
    await until('no monitor to be left', async () => valueOf(await scrape(url), 'berth_monitors') === 0);
    expect(valueOf(await scrape(url), 'berth_pods')).toBe(0);
  });

  test('what fails is counted by its reason: a command that is not there, an image that nobody has', async () => {
    const { world } = spare;
    const { id } = await world.start();
    const before = await scrape(url);
    await rejection(world.cri.execSync(id, ['/no/such/command']));
    await rejection(world.cri.pull('registry.e2e.test/not-there:1'));
    const exec = { operation: 'exec', handler: 'runc', outcome: 'failed' };
    expect(await grown(before, 'berth_runtime_operation_duration_seconds_count', exec)).toBe(1);
    expect(await grown(before, 'berth_rpc_duration_seconds_count', { rpc: 'ExecSync' })).toBe(1);
    expect(await grown(before, 'berth_rpc_duration_seconds_count', { rpc: 'ExecSync', code: 'OK' })).toBe(0);
    expect(await grown(before, 'berth_rpc_duration_seconds_count', { rpc: 'PullImage', code: 'NOT_FOUND' })).toBe(1);
    expect(await grown(before, 'berth_image_pull_failures_total', { reason: 'not-found' })).toBe(1);
    expect(await grown(before, 'berth_image_pull_duration_seconds_count', { outcome: 'failed' })).toBe(1);
  });

  test('a pull is counted with its bytes and layers', async () => {
    const text = await scrape(url);
    expect(valueOf(text, 'berth_image_pull_duration_seconds_count', { outcome: 'pulled' })).toBe(1);
    expect(valueOf(text, 'berth_image_pull_bytes_total')).toBeGreaterThan(100_000);
    expect(valueOf(text, 'berth_image_pull_layers_total', { origin: 'registry' })).toBeGreaterThan(0);
    expect(valueOf(text, 'berth_images')).toBe(1);
    expect(valueOf(text, 'berth_image_storage_bytes')).toBeGreaterThan(100_000);
    expect(valueOf(text, 'berth_image_pulls_in_flight')).toBe(0);
  });

  test('ends are counted by their reason: killed for memory, and a monitor that was killed', async () => {
    const { world } = spare;
    const before = await scrape(url);
    const linux = { resources: { memoryLimitInBytes: BigInt(16 << 20) } };
    await world.start({ command: ['sh', '-c', 'a=x; while :; do a=$a$a; done'], linux });
    const ends = 'berth_container_ends_total';
    await until('the kill to be told', async () => (await grown(before, ends, { reason: 'OOMKilled' })) === 1);
    const { id } = await world.start();
    const [monitor = ''] = (await run('pgrep', '-f', `conmon.*--id ${id}`)).trim().split('\n');
    process.kill(Number(monitor), 'SIGKILL');
    await until('the loss to be told', async () => (await grown(before, ends, { reason: 'MonitorLost' })) === 1);
    expect(await grown(before, 'berth_monitors_lost_total', {})).toBe(1);
  });

  test('the launcher’s death is told, and that it runs again', async () => {
    const before = await scrape(url);
    expect(valueOf(before, 'berth_launcher_starts_total')).toBe(1);
    for (const launcher of await childrenOf(spare.daemon.pid)) process.kill(launcher, 'SIGKILL');
    await until('another launcher', async () => (await grown(before, 'berth_launcher_starts_total', {})) === 1);
    expect(valueOf(await scrape(url), 'berth_launcher_up')).toBe(1);
  });

  test('scrapes while pods come and go are whole, clean, and never count backwards', async () => {
    const { world } = spare;
    let over = false;
    const churn = async () => {
      for (let round = 0; round < 3; round++) {
        const pod = await world.runPod();
        await world.start({}, pod);
        await world.cri.stopPod(pod.id);
        await world.cri.removePod(pod.id);
      }
    };
    const churning = Promise.all(Array.from({ length: 8 }, churn)).finally(() => void (over = true));
    const counters = (exposition: string) =>
      parseExposition(exposition)
        .filter(({ type }) => type !== 'gauge')
        .flatMap(({ samples }) => samples)
        .map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value] as const);
    let last = new Map<string, number>();
    let scrapes = 0;
    while (!over) {
      const [one, other] = await Promise.all([scrape(url), scrape(url)]);
      expect(lint(one)).toEqual([]);
      expect(lint(other)).toEqual([]);
      const now = new Map<string, number>(counters(one));
      expect([...last].filter(([series, value]) => (now.get(series) ?? -1) < value)).toEqual([]);
      last = now;
      scrapes++;
    }
    await churning;
    expect(scrapes).toBeGreaterThan(5);
  });
});

berthOnly('the metrics of berthd over TLS', () => {
  let authority: Authority;
  let folder: string;
  const file = (name: string) => join(folder, name);
  const renew = async () => {
    const { cert, key } = await authority.serverCertificate('127.0.0.1');
    await Promise.all([writeFile(file('tls.crt'), cert), writeFile(file('tls.key'), key)]);
  };
  beforeAll(async () => {
    authority = await Authority.create('scrapers');
    folder = await mkdtemp(join(tmpdir(), 'berth-e2e-metrics-'));
    await renew();
  });
  afterAll(async () => {
    await authority[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test('who shows no certificate reads nothing; a reload takes new files, and fails with those that cannot be used', async () => {
    const tls = `tls_cert = "${file('tls.crt')}"\ntls_key = "${file('tls.key')}"\nclient_ca = "${authority.file}"\n`;
    await using spare = await spareDaemon({ network: false, config: `[metrics]\naddress = "127.0.0.1:0"\n${tls}` });
    const url = await urlOf(spare);
    expect(url).toMatch(/^https:/);
    const ca = authority.certificate;
    await expect(scrape(url, { ca })).rejects.toThrow();
    const trust = { ca, ...(await authority.clientCertificate('prometheus')) };
    expect(lint(await scrape(url, trust))).toEqual([]);
    await writeFile(file('tls.crt'), 'none');
    const refused = await spare.reload();
    expect([refused.level, refused.msg]).toEqual([50, expect.stringContaining(file('tls.crt'))]);
    expect(await scrape(url, trust)).toContain('berth_build_info');
    await renew();
    expect((await spare.reload()).level).toBe(30);
    expect(await scrape(url, trust)).toContain('berth_build_info');
  });
});
