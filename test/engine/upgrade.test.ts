import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLog } from '../../src/base';
import { loadConfig } from '../../src/config';
import { openEngine, type Engine } from '../../src/engine';

/** A whole /var/lib/berth for each version of the records, as that version wrote it. */
const fixtures = join(__dirname, '../fixtures/state');
const libexecDir = join(__dirname, '../../conmon/build');

let folder: string;
let engine: Engine;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-upgrade-'));
});
afterEach(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

test('a root that version 1 wrote is served whole, and can be taken down', async () => {
  const root = join(folder, 'root');
  await mkdir(root);
  await promisify(execFile)('tar', ['-xzf', join(fixtures, 'v1.tar.gz'), '-C', root]);
  const config = await loadConfig(join(folder, 'none.toml'), {
    required: false,
    overrides: {
      root,
      runRoot: join(folder, 'run'),
      cniConfDir: join(folder, 'cni'),
      registriesConf: join(folder, 'registries.conf'),
    },
  });
  engine = await openEngine({ config, libexecDir, log: silentLog() });
  await engine.recover();

  expect(engine.images.find('fixture/hello:v1')).toMatchObject({ config: { entrypoint: ['/hello'] } });
  const [pod] = engine.pods.list();
  expect(pod?.config).toMatchObject({
    metadata: { name: 'fixture' },
    labels: { app: 'fixture' },
    annotations: { note: 'kept' },
  });
  const [container] = engine.containers.list();
  expect(container).toMatchObject({ phase: 'exited', exit: { exitCode: 7, reason: 'Error' } });
  expect(container?.config.envs).toEqual([{ key: 'K', value: Buffer.from('v') }]);

  await engine.podLifecycle.remove(pod?.id ?? '');
  await engine.images.remove('fixture/hello:v1');
  expect([engine.pods.list(), engine.containers.list(), engine.images.list()]).toEqual([[], [], []]);
  for (const name of ['containers', 'exits', 'layers', 'blobs/sha256']) {
    expect(await readdir(join(root, name))).toEqual([]);
  }
});
