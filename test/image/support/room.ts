import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentLog } from '../../../src/base';
import { readEnvironment } from '../../../src/config';
import { createImages, type ImagesOptions, type OpenImages, type RegistryAuth } from '../../../src/image';
import type { ImageRecord, LayerRecord } from '../../../src/state';
import { createStorage, type Storage } from '../../../src/storage';
import { Ground } from '../../kernel/support';

const native = resolve(__dirname, '../../../conmon');

// As Ground does for the launcher: several suites may ask for the build at once.
function buildUnpack(): string {
  const lock = join(tmpdir(), 'berth-native-build.lock');
  execFileSync('flock', [lock, 'make', '-s', '-C', native, 'build/unpack'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(native, 'build/unpack');
}

/** A table in memory; what it holds is what would be on disk. */
export class MapTable<T> {
  readonly map = new Map<string, T>();

  constructor(private readonly key: (record: T) => string) {}

  get = (id: string) => this.map.get(id);
  values = () => this.map.values();
  put = (record: T) => this.putAll([record]);
  delete = async (...ids: string[]) => ids.forEach((id) => void this.map.delete(id));

  async putAll(records: readonly T[]): Promise<void> {
    for (const record of records) this.map.set(this.key(record), record);
  }
}

/** The image room over the real storage, kernel and unpack, in a folder of its own. */
export class Room implements AsyncDisposable {
  readonly dir: string;

  private constructor(
    private readonly ground: Ground,
    readonly storage: Storage,
    readonly images: OpenImages,
    readonly table: MapTable<ImageRecord>,
    readonly layers: MapTable<LayerRecord>,
  ) {
    this.dir = ground.dir;
  }

  static async open(options: Partial<ImagesOptions> & { readonly registries?: string } = {}): Promise<Room> {
    const ground = new Ground();
    const { dir } = ground;
    const log = silentLog();
    const layers = new MapTable<LayerRecord>(({ chainId }) => chainId);
    const table = new MapTable<ImageRecord>(({ id }) => id);
    const kernel = await ground.start();
    const storage = await createStorage({
      root: join(dir, 'root'),
      imageRoot: join(dir, 'root'),
      runRoot: join(dir, 'run'),
      unpackPath: buildUnpack(),
      kernel,
      layers,
      log,
      layerConcurrency: 3,
      flushed: () => Promise.resolve(),
    });
    await mkdir(join(dir, 'registries.conf.d'));
    await writeFile(join(dir, 'registries.conf'), options.registries ?? '');
    await writeFile(join(dir, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    const images = await createImages({
      storage,
      table,
      registriesConf: { path: join(dir, 'registries.conf'), dropInDir: join(dir, 'registries.conf.d') },
      kernel,
      environment: readEnvironment({ PATH: process.env['PATH'], HOME: dir }),
      authFiles: [join(dir, 'auth.json')],
      namespacedAuthDir: join(dir, 'auth'),
      certsDirs: [join(dir, 'certs.d')],
      policy: {
        file: join(dir, 'policy.json'),
        namespaceDir: join(dir, 'policies'),
        registriesDir: join(dir, 'registries.d'),
      },
      progressTimeoutMs: 0,
      stagingDir: join(dir, 'root', 'staging'),
      log,
      concurrency: 4,
      patience: { attempts: 5, firstWaitMs: 10, maxWaitMs: 1000 },
      ...options,
    });
    return new Room(ground, storage, images, table, layers);
  }

  /** Replaces registries.conf; the next pull reads it. */
  async configure(registries: string): Promise<void> {
    await writeFile(join(this.dir, 'registries.conf'), registries);
  }

  /** Puts files into the host's folder of certificates. */
  async certificate(host: string, files: Readonly<Record<string, string>>): Promise<void> {
    const folder = join(this.dir, 'certs.d', host);
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  }

  async authFile(auths: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<void> {
    await writeFile(join(this.dir, 'auth.json'), JSON.stringify({ auths }));
  }

  /** Everything that pulls and loads may leave behind: empty where nothing was pulled. */
  async remains(): Promise<string[]> {
    const found = [...this.table.map.keys(), ...this.layers.map.keys()];
    for (const folder of ['layers', 'blobs/sha256', 'staging']) {
      const names = await readdir(join(this.dir, 'root', folder));
      found.push(...names.map((name) => `${folder}/${name}`));
    }
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.images.close(new Error('the test is over'));
    await this.ground.dispose();
  }
}

/** `[[registry]]` entries that allow plain http at these hosts. */
export function insecure(...hosts: string[]): string {
  return hosts.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`).join('\n');
}

/** CRI's credentials with nothing in them but this. */
export function criAuth(parts: Partial<RegistryAuth>): RegistryAuth {
  return { username: '', password: '', auth: '', serverAddress: '', identityToken: '', registryToken: '', ...parts };
}
