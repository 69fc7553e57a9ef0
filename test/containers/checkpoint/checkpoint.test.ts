import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ground, run, shell, until } from '../support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
});
afterAll(() => ground.dispose());

const counting = shell(
  'rm /etc/passwd; n=0; while :; do n=$((n+1)); echo $n > /next; /bin/busybox mv /next /count; /bin/busybox sleep 0.01; done',
);

/** The programs as the test wants them: CRIU is only looked for, the runtime's checkpoint is this script. */
async function withCheckpoint(script: string): Promise<void> {
  await writeFile(join(ground.bin, 'criu'), '#!/bin/sh\n', { mode: 0o755 });
  const options =
    'while [ $# -gt 0 ]; do case $1 in --image-path) images=$2;; --work-path) work=$2;; esac; shift; done';
  await writeFile(join(ground.bin, 'checkpoint'), `#!/bin/sh\n${options}\n${script}\n`);
  await chmod(join(ground.bin, 'checkpoint'), 0o755);
}

const count = async (id: string) =>
  Number((await readFile(join(ground.engine.storage.rootfsPath(id), 'count'), 'utf8')).trim());

async function expectToGoOn(id: string): Promise<void> {
  expect(ground.record(id).paused).toBeUndefined();
  const before = await count(id);
  await until('the container goes on', async () => (await count(id)) > before);
  expect(await readdir(join(ground.root, 'containers', id))).not.toContain('checkpoint');
}

async function started(): Promise<string> {
  const id = await ground.running(pod, counting);
  await until('it counts', async () => (await count(id).catch(() => 0)) > 0);
  return id;
}

test('everything is in the archive, of one moment, and the container goes on', async () => {
  await withCheckpoint('echo pages > $images/pages-1.img; echo log > $work/dump.log');
  const id = await started();
  const location = join(ground.dir, 'one.tar');
  await ground.engine.containers.checkpoint(id, location, 0);
  await expectToGoOn(id);
  expect((await stat(location)).mode & 0o777).toBe(0o600);
  const out = join(ground.dir, 'out');
  await mkdir(out);
  await run('tar', ['-xf', location, '-C', out]);
  expect((await readdir(out)).sort()).toEqual([
    'checkpoint',
    'config.dump',
    'deleted.files',
    'dump.log',
    'rootfs-diff.tar',
    'spec.dump',
  ]);
  expect(await readFile(join(out, 'checkpoint/pages-1.img'), 'utf8')).toBe('pages\n');
  expect(JSON.parse(await readFile(join(out, 'deleted.files'), 'utf8'))).toEqual(['etc/passwd']);
  const { stdout } = await run('tar', ['-xOf', join(out, 'rootfs-diff.tar'), 'count']);
  expect(Number(stdout)).toBeGreaterThan(0);
  expect(Number(stdout)).toBeLessThanOrEqual(await count(id));
  expect(JSON.parse(await readFile(join(out, 'config.dump'), 'utf8'))).toMatchObject({
    id,
    rootfsImageName: 'ground/shell:v1',
    runtime: 'runc',
    restored: false,
  });
  expect(JSON.parse(await readFile(join(out, 'spec.dump'), 'utf8'))).toMatchObject({ process: { args: counting } });
  await ground.engine.containers.remove(id);
});

test('what CRIU says of a failure is told, and the container goes on', async () => {
  await withCheckpoint('echo "(00.1) Error (criu/x.c:1): no such luck" > $work/dump.log; echo criu failed >&2; exit 1');
  const id = await started();
  const location = join(ground.dir, 'failed.tar');
  await expect(ground.engine.containers.checkpoint(id, location, 0)).rejects.toMatchObject({
    code: 'checkpoint-failed',
    status: 'FAILED_PRECONDITION',
    detail: expect.stringContaining('no such luck') as string,
  });
  await expectToGoOn(id);
  await withCheckpoint('echo criu is not what it was >&2; exit 1');
  await expect(ground.engine.containers.checkpoint(id, location, 0)).rejects.toMatchObject({
    code: 'checkpoint-failed',
    detail: expect.stringContaining('criu is not what it was') as string,
  });
  await expectToGoOn(id);
  await expect(stat(location)).rejects.toMatchObject({ code: 'ENOENT' });
  await ground.engine.containers.remove(id);
});

test('a timeout ends it, a caller that gives up does not', async () => {
  await withCheckpoint('sleep 100');
  const id = await started();
  const location = join(ground.dir, 'late.tar');
  await expect(ground.engine.containers.checkpoint(id, location, 1)).rejects.toMatchObject({
    code: 'deadline-exceeded',
  });
  await expectToGoOn(id);
  await withCheckpoint(`while [ ! -e ${ground.dir}/go ]; do sleep 0.01; done`);
  const caller = new AbortController();
  const given = ground.engine.containers.checkpoint(id, location, 60, caller.signal);
  await until('it stands still', () => ground.record(id).paused === true);
  caller.abort();
  await expect(given).rejects.toMatchObject({ code: 'call-cancelled' });
  await writeFile(join(ground.dir, 'go'), '');
  await until('the archive is there', async () => (await readdir(ground.dir)).includes('late.tar'));
  await ground.engine.containers.remove(id);
});

test('without CRIU it is refused, as is a folder that is not there, and nothing has stood still', async () => {
  await withCheckpoint('exit 0');
  const id = await started();
  await expect(ground.engine.containers.checkpoint(id, join(ground.dir, 'no/c.tar'), 0)).rejects.toMatchObject({
    code: 'argument-invalid',
  });
  await rm(join(ground.bin, 'criu'));
  await expect(ground.engine.containers.checkpoint(id, join(ground.dir, 'c.tar'), 0)).rejects.toMatchObject({
    code: 'program-missing',
    remedy: expect.stringContaining('install CRIU') as string,
  });
  await expectToGoOn(id);
  await ground.engine.containers.remove(id);
});

test('a container that an earlier berthd has left standing still goes on', async () => {
  const id = await started();
  const record = ground.record(id);
  await run(record.runtimePath, ['--root', record.runtimeRoot, 'pause', id]);
  await ground.kill();
  await ground.editState((state) => state.containers.put({ ...record, paused: true }));
  await ground.start();
  await expectToGoOn(id);
  await ground.engine.containers.remove(id);
});
