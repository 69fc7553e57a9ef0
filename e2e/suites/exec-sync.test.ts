import { status } from '@grpc/grpc-js';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';
import type { Running } from '../support/world';

const suite = useWorld();
let container: Running;
beforeAll(async () => {
  container = await suite.world.start();
});

test('stdout and stderr are exact and apart', async () => {
  const answer = await suite.world.cri.execSync(container.id, ['sh', '-c', 'printf out; printf err >&2']);
  expect(answer.stdout.toString()).toBe('out');
  expect(answer.stderr.toString()).toBe('err');
  expect(answer.exitCode).toBe(0);
});

test.each([0, 1, 42, 255])('exit code %d is an answer, not an error', async (code) => {
  expect((await suite.world.cri.execSync(container.id, ['sh', '-c', `exit ${code}`])).exitCode).toBe(code);
});

test('binary output of a mebibyte comes whole', async () => {
  const { stdout } = await suite.world.cri.execSync(container.id, [
    'sh',
    '-c',
    'head -c 1048576 /dev/zero | tr "\\0" "\\377"',
  ]);
  expect(stdout.length).toBe(1_048_576);
  expect(stdout.every((byte) => byte === 0xff)).toBe(true);
});

test('a command that takes too long is DEADLINE_EXCEEDED and dead', async () => {
  const { world } = suite;
  await expect(world.cri.execSync(container.id, ['sleep', '4241'], 1)).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  expect(await world.sh(container, 'ps -o args | grep -c "^sleep 4241" || true')).toBe('0');
});

berthTest('the whole tree of a command that takes too long is dead', async () => {
  const { world } = suite;
  const slow = ['sh', '-c', 'sleep 4242 & sleep 4243'];
  await expect(world.cri.execSync(container.id, slow, 1)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await world.sh(container, 'ps -o args | grep -c "^sleep 424[23]" || true')).toBe('0');
});

test('a command that is not there says its name', async () => {
  const { details } = await rejection(suite.world.cri.execSync(container.id, ['/bin/not-there']));
  expect(details).toContain('/bin/not-there');
});

test('the command has the container’s environment, user and folder', async () => {
  const { world } = suite;
  const other = await world.start({
    workingDir: '/tmp',
    envs: [{ key: 'KEY', value: Buffer.from('a b=c') }],
    linux: { securityContext: { runAsUser: { value: 1002n }, runAsGroup: { value: 1003n } } },
  });
  expect(await world.sh(other, 'echo "$KEY:$(id -u):$(id -g):$(pwd)"')).toBe('a b=c:1002:1003:/tmp');
});

test('a container that is not running takes no command', async () => {
  const { world } = suite;
  const created = await world.create();
  await rejection(world.cri.execSync(created.id, ['true']));
  await world.cri.start(created.id);
  await world.cri.stop(created.id, 0);
  await rejection(world.cri.execSync(created.id, ['true']));
});

test('twenty commands at once each get their own answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => suite.world.sh(container, `echo ${index}; exit 0`)),
  );
  expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
});
