import { cp, link, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../../src/containers/checkpoint/open';
import type { CreateParts } from '../../../src/containers/create-parts';
import { LinuxContainerResources, NamespaceMode } from '../../../src/wire';
import { blobOf, buildTar, hostArchitecture, jsonBlob } from '../../support/image-builder';
import { containerRecord, podRecord } from '../../cri/support/records';
import { Ground, run, shell, until, type ContainerPart } from '../support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
  await writeFile(join(ground.bin, 'criu'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(ground.bin, 'checkpoint'), checkpointScript, { mode: 0o755 });
  await restoresWith('exec /usr/sbin/runc $args');
  await makeArchive();
});
afterAll(() => ground.dispose());

const checkpointScript = `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --image-path) images=$2;; esac; shift; done
cd $images
for name in inventory.img pstree.img pages-1.img; do echo $name > $name; done
echo '["/dev/null","pipe:[1]","pipe:[2]"]' > descriptors.json
printf 'magicUTS\\006\\0\\0\\0\\n\\001a\\022\\001b' > utsns-7.img
`;

/** The runtime's restore: the script has its arguments as those of `run`, and CRIU's folders. */
async function restoresWith(script: string): Promise<void> {
  const loop = `while [ $# -gt 0 ]; do case $1 in
restore) args="$args run";; --file-locks) ;; --image-path) images=$2; shift;; --work-path) work=$2; shift;;
*) args="$args $1";; esac; shift; done
rm -rf ${ground.dir}/seen; cp -r $images ${ground.dir}/seen`;
  await writeFile(join(ground.bin, 'restore'), `#!/bin/sh\n${loop}\n${script}\n`, { mode: 0o755 });
}

const script =
  'echo here >> /kept; echo from $FROM; trap "exit 7" TERM; /bin/busybox rm /etc/passwd; while :; do /bin/busybox sleep 0.02; done';
const archive = () => join(ground.dir, 'checkpoint.tar');
const folder = () => join(ground.dir, 'unpacked');

/** The checkpoint of a container that has changed its root, and its files in a folder. */
async function makeArchive(): Promise<void> {
  const envs = [{ key: 'FROM', value: Buffer.from('checkpoint') }];
  const id = await ground.running(pod, shell(script), { envs });
  await until('it has changed its root', async () => !(await ls(id, 'etc')).includes('passwd'));
  await ground.engine.containers.checkpoint(id, archive(), 0);
  await ground.engine.containers.remove(id);
  await mkdir(folder());
  await run('tar', ['-xf', archive(), '-C', folder()]);
}

const ls = (id: string, name: string) => readdir(join(ground.engine.storage.rootfsPath(id), name));
/** The container that is restored from an image: without a command it has that of the checkpoint. */
const create = (image: string, part: ContainerPart = {}) => ground.container(pod, [], { image: { image }, ...part });
const logged = async (id: string) => readFile(ground.record(id).logPath, 'utf8');

test('from an archive: root, command and environment are those of the checkpoint; log, exec and exit go on', async () => {
  const hosts = await ground.pod({ hostname: 'new-host', logDirectory: join(ground.dir, 'logs') });
  const image = { image: archive() };
  const id = await ground.container(hosts, [], { image, logPath: 'c.log' });
  expect(await ls(id, '.')).toContain('kept');
  expect(await ls(id, 'etc')).not.toContain('passwd');
  expect(ground.record(id)).toMatchObject({ phase: 'created', restored: true });
  expect(ground.record(id).init).toBeUndefined();
  expect(ground.record(id).imageId).toMatch(/^sha256:/);
  await ground.engine.containers.start(id);
  expect(ground.record(id).phase).toBe('running');
  expect(ground.record(id).init?.pid).toBeGreaterThan(1);
  await until('it has gone on', async () => (await logged(id)).includes('from checkpoint'));
  const kept = await ground.engine.containers.execSync(id, shell('/bin/busybox cat /kept; echo $FROM'), 10);
  expect(kept.stdout.toString()).toBe('here\nhere\ncheckpoint\n');
  const spec = await ground.engine.containers.runtimeSpec(id);
  const config = await readFile(spec?.annotations?.['org.criu.config'] ?? '', 'utf8');
  expect(config).toContain('tcp-close');
  // What it takes is as large as its memory, and needed no more.
  expect(await readdir(join(ground.root, 'containers', id))).not.toContain('restore');
  expect((await readdir(join(ground.dir, 'seen'))).sort()).toContain('pages-1.img');
  await ground.engine.containers.stop(id, 10);
  expect((await ground.ended(id)).exit).toMatchObject({ exitCode: 7, reason: 'Error' });
  await ground.engine.podLifecycle.remove(hosts);
});

test('CRIU is given the name of the new pod', async () => {
  const other = await Ground.create({ plugins: [] });
  try {
    await cp(ground.bin, other.bin, { recursive: true });
    const podId = await other.pod({ hostname: 'new-host' }, NamespaceMode.POD);
    const id = await other.container(podId, [], { image: { image: archive() } });
    const image = await readFile(join(other.root, 'containers', id, 'restore/diff/checkpoint/utsns-7.img'));
    expect(image.subarray(0, 8).toString()).toBe('magicUTS');
    expect(image.subarray(12).toString('latin1')).toBe('\n\x08new-host\x12\x06(none)');
    expect(image.readUInt32LE(8)).toBe(image.length - 12);
    await other.engine.containers.remove(id);
  } finally {
    await other.dispose();
  }
});

test('its end before the start, and limits that are set before it', async () => {
  const id = await create(archive());
  const limit = LinuxContainerResources.fromPartial({ memoryLimitInBytes: 64n * 1024n ** 2n });
  await ground.engine.containers.updateResources(id, limit);
  const spec = await ground.engine.containers.runtimeSpec(id);
  expect(spec?.linux.resources.memory?.limit).toBe(64 * 1024 ** 2);
  await ground.engine.containers.stop(id, 10);
  expect((await ground.ended(id)).exit).toMatchObject({ exitCode: 137 });
  await ground.engine.containers.remove(id);
});

// As a start these would be errors of the container's command, profile and memory.
test.each(['criu failed', 'exec: no such file', 'seccomp: cannot load it', 'the memory limit could be too low'])(
  'a restore that fails (%s): CRIU’s words are in the error and in the status, and nothing is left',
  async (says) => {
    await restoresWith(`echo "(00.1) Error (criu/x.c:1): no such luck" > $work/restore.log; echo ${says} >&2; exit 1`);
    const id = await create(archive());
    const refused = { code: 'restore-failed', detail: expect.stringMatching(`${says}.*no such luck`) as string };
    await expect(ground.engine.containers.start(id)).rejects.toMatchObject(refused);
    const { exit } = await ground.ended(id);
    expect(exit).toMatchObject({ exitCode: 128, reason: 'StartError' });
    expect(exit?.message).toContain('no such luck');
    expect(await readdir(join(ground.root, 'containers', id))).not.toContain('restore');
    await expect(ground.engine.containers.start(id)).rejects.toMatchObject({ code: 'container-state' });
    await ground.engine.containers.remove(id);
    await restoresWith('exec /usr/sbin/runc $args');
  },
);

test('berthd is killed before the start, and after it', async () => {
  const id = await create(archive());
  await ground.kill();
  await ground.start();
  expect(ground.record(id)).toMatchObject({ phase: 'created', restored: true });
  await ground.engine.containers.start(id);
  await ground.kill();
  await ground.start();
  expect(ground.record(id).phase).toBe('running');
  await ground.engine.containers.stop(id, 10);
  expect((await ground.ended(id)).exit?.exitCode).toBe(7);
  await ground.engine.containers.remove(id);
});

test('berthd is killed while it makes the container: nothing is left', async () => {
  const before = ground.engine.containers.list().length;
  const id = await create(archive());
  const record = ground.record(id);
  await ground.kill();
  await ground.editState((state) => state.containers.put({ ...record, phase: 'creating' }));
  await ground.start();
  expect(ground.engine.containers.list()).toHaveLength(before);
  expect(await ground.leftovers()).not.toEqual(expect.arrayContaining([expect.stringContaining(id)]));
});

describe('from an image', () => {
  const name = 'localhost/checkpoint:1';
  const load = async (layers: readonly Buffer[], annotations: Record<string, string>) => {
    const config = jsonBlob({
      architecture: hostArchitecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => blobOf(layer).digest) },
    });
    const blobs = layers.map((layer) => blobOf(layer));
    const described = (mediaType: string, { digest, bytes }: { digest: string; bytes: Buffer }) => ({
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest,
      size: bytes.length,
    });
    const manifest = jsonBlob({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: described('config.v1+json', config),
      layers: blobs.map((blob) => described('layer.v1.tar', blob)),
      annotations,
    });
    const index = {
      schemaVersion: 2,
      manifests: [
        { ...described('manifest.v1+json', manifest), annotations: { 'org.opencontainers.image.ref.name': name } },
      ],
    };
    const files: Record<string, string | Buffer> = {
      'oci-layout': JSON.stringify({ imageLayoutVersion: '1.0.0' }),
      'index.json': JSON.stringify(index),
    };
    for (const { digest, bytes } of [...blobs, config, manifest]) files[`blobs/sha256/${digest.slice(7)}`] = bytes;
    const file = join(ground.dir, 'layout.tar');
    await writeFile(file, await buildTar(files));
    await ground.engine.images.load(file);
  };
  const annotations = { 'io.kubernetes.cri-o.annotations.checkpoint.name': 'counter' };

  test('that has the archive’s contents as its layer', async () => {
    await load([await readFile(archive())], annotations);
    const id = await create(name);
    expect(ground.record(id).imageId).toBe(ground.engine.images.find('ground/shell:v1')?.id);
    // All that is needed of it is the container's own by now.
    await ground.engine.images.remove(name);
    await ground.engine.containers.start(id);
    expect(await ls(id, '.')).toContain('kept');
    await ground.engine.containers.stop(id, 10);
    expect((await ground.ended(id)).exit?.exitCode).toBe(7);
    await ground.engine.containers.remove(id);
  });

  test('with two layers, or none of a checkpoint’s files, is refused', async () => {
    await load([await readFile(archive()), await buildTar({ more: '' })], annotations);
    await expect(create(name)).rejects.toMatchObject({
      code: 'checkpoint-invalid',
      detail: expect.stringContaining('2 layers') as string,
    });
    await ground.engine.images.remove(name);
    await load([await buildTar({ 'config.dump': '{}' })], annotations);
    await expect(create(name)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
    await ground.engine.images.remove(name);
  });
});

test('in a pod with a user namespace it is refused before anything is looked for', async () => {
  const pod = podRecord({ id: 'p', userns: '/run/x' });
  const opening = openCheckpoint(
    {} as CreateParts,
    pod,
    containerRecord({ id: 'c' }),
    { kind: 'archive', path: '/a.tar' },
    new AbortController().signal,
  );
  await expect(opening).rejects.toMatchObject({ code: 'checkpoint-refused', object: 'checkpoint /a.tar' });
});

describe('archives that are refused by name, and leave nothing', () => {
  const before = async () => (await readdir(join(ground.root, 'containers'))).length;
  /** Changes a copy of the checkpoint's files, packs it, and tries. */
  const refused = async (change: (dir: string) => Promise<unknown>, expected: object, part: ContainerPart = {}) => {
    const [dir, file] = [join(ground.dir, 'changed'), join(ground.dir, 'hostile.tar')];
    await cp(folder(), dir, { recursive: true });
    await change(dir);
    await run('tar', ['-cf', file, '-C', dir, '.']);
    await rm(dir, { recursive: true });
    const there = await before();
    await expect(create(file, part)).rejects.toMatchObject(expected);
    expect(await before()).toBe(there);
  };
  const says = (text: string, code = 'checkpoint-invalid') => ({
    code,
    message: expect.stringContaining(text) as string,
  });

  test.each(['config.dump', 'spec.dump', 'checkpoint', 'checkpoint/inventory.img', 'checkpoint/descriptors.json'])(
    'without %s',
    async (name) => {
      await refused((dir) => rm(join(dir, name), { recursive: true }), says('missing'));
    },
  );

  test('links, folders and devices in the place of files', async () => {
    const linked = (name: string) => async (dir: string) => {
      await rm(join(dir, name), { recursive: true });
      await symlink('/etc/passwd', join(dir, name));
    };
    for (const name of ['config.dump', 'spec.dump', 'deleted.files', 'rootfs-diff.tar', 'checkpoint/pages-1.img'])
      await refused(linked(name), says('no regular file'));
    await refused(async (dir) => {
      await rm(join(dir, 'checkpoint'), { recursive: true });
      await symlink('/etc', join(dir, 'checkpoint'));
    }, says('no folder'));
    await refused((dir) => mkdir(join(dir, 'checkpoint/more')), says('no regular file'));
    await refused((dir) => run('mknod', [join(dir, 'checkpoint/kmsg'), 'c', '1', '11']), says('no regular file'));
    // A link within is an ordinary file.
    await refused(
      (dir) => link(join(dir, 'config.dump'), join(dir, 'checkpoint/config')).then(() => rm(join(dir, 'spec.dump'))),
      says('spec.dump'),
    );
  });

  test('what is too large, and what is not JSON or has not the form', async () => {
    await refused((dir) => truncate(join(dir, 'config.dump'), 2 * 1024 ** 2), says('at most'));
    await refused((dir) => truncate(join(dir, 'spec.dump'), 20 * 1024 ** 2), says('at most'));
    await refused((dir) => writeFile(join(dir, 'config.dump'), '{"rootfsImageRef": 3}'), says('rootfsImageRef'));
    await refused((dir) => writeFile(join(dir, 'config.dump'), '{}'), says('names no image'));
    await refused((dir) => writeFile(join(dir, 'spec.dump'), 'null'), says('spec.dump'));
    await refused((dir) => writeFile(join(dir, 'spec.dump'), '['.repeat(100_000)), says('spec.dump'));
    const descriptors = JSON.stringify(Array.from({ length: 9 }, (_, n) => `pipe:[${n}]`));
    await refused((dir) => writeFile(join(dir, 'checkpoint/descriptors.json'), descriptors), says('descriptors.json'));
  });

  test('paths that lead out of the root', async () => {
    const outside = join(ground.dir, 'outside');
    await writeFile(outside, 'whole');
    const up = '../'.repeat(12) + outside;
    await refused((dir) => writeFile(join(dir, 'deleted.files'), JSON.stringify([up])), says('leads out'));
    await refused((dir) => writeFile(join(dir, 'deleted.files'), '[""]'), says('deleted.files'));
    await refused(async (dir) => {
      await writeFile(join(dir, 'rootfs-diff.tar'), await buildTar({ [up]: 'broken' }));
    }, says('leads out'));
    await refused((dir) => writeFile(join(dir, 'rootfs-diff.tar'), 'x'.repeat(2000)), says('rootfs-diff.tar'));
    expect(await readFile(outside, 'utf8')).toBe('whole');
  });

  test('an archive that is none, leads out itself, is a folder or a pipe, or is not there', async () => {
    const file = join(ground.dir, 'other.tar');
    await writeFile(file, 'x'.repeat(10_000));
    await expect(create(file)).rejects.toMatchObject(says(file));
    await writeFile(file, '');
    await expect(create(file)).rejects.toMatchObject(says('checkpoint: it is missing'));
    await writeFile(file, await buildTar({ '../../escaped': 'x' }));
    await expect(create(file)).rejects.toMatchObject(says('leads out'));
    await writeFile(file, (await readFile(archive())).subarray(0, 3000));
    await expect(create(file)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
    await rm(file);
    await expect(create(file)).rejects.toMatchObject({ code: 'path-not-found' });
    await run('mkfifo', [file]);
    await expect(create(file)).rejects.toMatchObject(says('no regular file'));
    await rm(file);
    await expect(create(ground.dir)).rejects.toMatchObject(says('no regular file'));
  });

  test('an image that is not on the node', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const config = JSON.stringify({ rootfsImageRef: digest, rootfsImageName: 'ground/shell:v1' });
    await refused((dir) => writeFile(join(dir, 'config.dump'), config), says(digest, 'checkpoint-image-missing'));
  });

  test('mounts and stdio that the checkpoint has not', async () => {
    const source = join(ground.dir, 'volume');
    const mounts = [{ hostPath: source, containerPath: '/volume' }];
    await refused(async () => undefined, says('/volume', 'container-mount'), { mounts });
    await refused(async () => undefined, says('config.tty', 'argument-invalid'), { tty: true });
    await refused(async () => undefined, says('config.stdin', 'argument-invalid'), { stdin: true });
    expect((await stat(archive())).size).toBeGreaterThan(0);
  });
});
