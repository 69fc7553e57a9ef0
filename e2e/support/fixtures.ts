import { readFile, realpath } from 'node:fs/promises';
import { layerOf, type Entry, type Layer } from './archive';
import { run } from './machine';
import { artifactOf, blobOf, imageOf, indexOf } from './oci-image';
import type { Registry } from './registry';

/** The fixture images, by the names that the daemon under test pulls them with. */
export const images = {
  /** Four layers with a whiteout and an opaque folder, gzipped and plain; behind an index. */
  busybox: 'docker.io/library/busybox:e2e',
  /** The same image under its second tag. */
  busyboxAlias: 'registry.e2e.test/tools/busybox:alias',
  /** A Docker schema 2 manifest with a numeric user, environment, folder and entry point. */
  app: 'registry.e2e.test/app:1',
  /** User `web`, by name. */
  named: 'registry.e2e.test/named:1',
  noCommand: 'registry.e2e.test/nocommand:1',
  /** A layer with a hardlink whose file is in the layer below: containerd 1.6 cannot apply it. */
  hardlink: 'registry.e2e.test/hardlink:1',
  nginx: 'registry.e2e.test/nginx:1',
  /** To be mounted: links in it point to what is inside and, as seen from the host, outside. */
  volume: 'registry.e2e.test/volume:1',
  /** 127 layers. */
  deep: 'registry.e2e.test/deep:1',
  /** An OCI artifact of two files, of which one is in a folder. */
  artifact: 'registry.e2e.test/models/tiny:1',
  /** One whose file would be outside of its folder. */
  hostileArtifact: 'registry.e2e.test/models/hostile:1',
  /** What containerd keeps a pod with. */
  pause: 'registry.e2e.test/pause:1',
} as const;

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  'web:x:1002:1003:web:/home/web:/bin/sh',
  'nobody:x:65534:65534:nobody:/:/bin/false',
];
const group = ['root:x:0:', 'web:x:1003:', 'extra:x:1500:web', 'nogroup:x:65534:'];

const directory = (name: string, mode = 0o755): Entry => ({ name, type: 'directory', mode });
const file = (name: string, body: string | Buffer, mode = 0o644): Entry => ({ name, body, mode });

/** Makes the images of Debian's busybox and nginx and pushes them. */
export async function pushFixtures(registry: Registry): Promise<void> {
  const base = await layerOf(await busyboxEntries());
  const lower = await layerOf([
    directory('data'),
    file('data/gone', 'a later layer removes this\n'),
    file('data/kept', 'kept\n'),
    directory('opaque'),
    file('opaque/old', 'hidden by an opaque folder\n'),
  ]);
  const whiteouts = await layerOf([
    file('data/.wh.gone', ''),
    directory('opaque'),
    file('opaque/.wh..wh..opq', ''),
    file('opaque/new', 'new\n'),
  ]);
  const links = await layerOf([{ name: 'data/soft', type: 'symlink', linkname: 'kept' }], 'none');
  const busybox = imageOf([base, lower, whiteouts, links], { Env: ['PATH=/bin:/sbin', 'FIXTURE=yes'], Cmd: ['sh'] });
  await registry.push('library/busybox', 'single', busybox);
  await registry.pushManifest('library/busybox', 'e2e', indexOf(busybox));
  await registry.push('tools/busybox', 'alias', busybox);

  const hard = await layerOf([{ name: 'data/hard', type: 'link', linkname: 'data/kept' }]);
  await registry.push('hardlink', '1', imageOf([base, lower, hard], { Cmd: ['cat', '/data/hard'] }));

  const app = imageOf(
    [base],
    {
      User: '1000:1001',
      Env: ['PATH=/bin', 'FROM_IMAGE=image', 'BOTH=image'],
      Entrypoint: ['echo', 'entry'],
      Cmd: ['default'],
      WorkingDir: '/work/dir',
      StopSignal: 'SIGUSR1',
    },
    'docker',
  );
  await registry.push('app', '1', app);
  await registry.push('named', '1', imageOf([base], { User: 'web', Cmd: ['id'] }));
  await registry.push('nocommand', '1', imageOf([base], { Env: ['PATH=/bin'] }));
  await registry.push('pause', '1', imageOf([base], { Entrypoint: ['/bin/sleep', '2147483647'] }));
  const nginx = imageOf([base, await nginxLayer()], { Entrypoint: ['/usr/sbin/nginx'], StopSignal: 'SIGQUIT' });
  await registry.push('nginx', '1', nginx);
  await pushVolumes(registry, base);
  const model = artifactOf('application/vnd.example.model', {
    'weights.bin': Buffer.alloc(1024 * 1024, 'weights '),
    'conf/model.json': '{"layers":1}',
  });
  await registry.push('models/tiny', '1', model);
  const hostile = artifactOf('application/vnd.example.model', { '../../escaped': 'x' });
  await registry.push('models/hostile', '1', hostile);
  await pushForeign(registry, base);
  await pushForAltering(registry);
}

async function pushVolumes(registry: Registry, base: Layer): Promise<void> {
  const content = await layerOf([
    directory('data'),
    file('data/kept', 'kept\n'),
    file('etc/of-the-image', ''),
    { name: 'inside', type: 'symlink', linkname: '/data' },
    { name: 'outside', type: 'symlink', linkname: '../../../../etc' },
  ]);
  await registry.push('volume', '1', imageOf([base, content], { Cmd: ['sh'] }));
  const thin = Array.from({ length: 126 }, (_, i) =>
    layerOf([directory('deep'), file(`deep/f${i}`, ''), file('deep/last', `${i}\n`)]),
  );
  await registry.push('deep', '1', imageOf([base, ...(await Promise.all(thin))], { Cmd: ['sh'] }));
}

/** Images of which each has blobs of its own: a pull that the registry alters must not find them in the store. */
async function pushForAltering(registry: Registry): Promise<void> {
  for (const name of ['layer', 'config', 'manifest', 'child', 'short']) {
    const image = imageOf([await layerOf([file('only-here', `${name}\n`)])], { Cmd: ['true'] });
    await registry.push(`hostile/${name}`, 'single', image);
    await registry.pushManifest(`hostile/${name}`, 'index', indexOf(image));
  }
}

/** An image that exists for a platform only that no machine of ours has. */
async function pushForeign(registry: Registry, base: Layer): Promise<void> {
  const image = imageOf([base], { Cmd: ['sh'] });
  await registry.push('foreign', 'single', image);
  const { mediaType, digest, bytes } = image.manifest;
  const index = blobOf('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    manifests: [{ mediaType, digest, size: bytes.length, platform: { os: 'plan9', architecture: 'mips' } }],
  });
  await registry.pushManifest('foreign', '1', index);
}

/** A root file system with every applet of this machine's busybox. */
export async function busyboxEntries(): Promise<readonly Entry[]> {
  const busybox = await realpath('/bin/busybox');
  const applets = (await run(busybox, '--list')).trim().split('\n');
  return [
    directory('bin'),
    file('bin/busybox', await readFile(busybox), 0o755),
    ...applets
      .filter((applet) => applet !== 'busybox')
      .map((applet): Entry => ({ name: `bin/${applet}`, type: 'symlink', linkname: 'busybox', mode: 0o777 })),
    ...['dev', 'proc', 'sys', 'etc', 'run', 'home'].map((name) => directory(name)),
    directory('root', 0o700),
    directory('tmp', 0o1777),
    { name: 'home/web', type: 'directory', uid: 1002, gid: 1003 },
    file('etc/passwd', `${passwd.join('\n')}\n`),
    file('etc/group', `${group.join('\n')}\n`),
  ];
}

const nginxConfig = `
daemon off;
user root;
pid /tmp/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen 80; location / { return 200 "nginx of $hostname\\n"; } }
}
`;

/** Debian's nginx with the libraries that ldd names, at their own paths. */
async function nginxLayer(): Promise<Layer> {
  const program = '/usr/sbin/nginx';
  const libraries = [...(await run('ldd', program)).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  const files = [program, ...libraries];
  const folders = new Set(files.flatMap((path) => parentsOf(path)));
  const contents = await Promise.all(files.map(async (path) => file(path.slice(1), await readFile(path), 0o755)));
  return layerOf([
    ...[...folders].sort().map((name) => directory(name)),
    ...contents,
    ...['etc/nginx', 'var', 'var/log', 'var/log/nginx', 'var/lib', 'var/lib/nginx'].map((name) => directory(name)),
    file('etc/nginx/nginx.conf', nginxConfig),
  ]);
}

function parentsOf(path: string): string[] {
  const parts = path.slice(1).split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
