import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceMode } from '../../src/wire';
import { Ground, until, untilTerm } from '../containers/support/ground';

let ground: Ground;
beforeEach(async () => void (ground = await Ground.create({ plugins: ['tail'] })));
afterEach(() => ground.dispose());

const breakPlugin = (command: string) => writeFile(join(ground.dir, `fail-${command}`), '');
const mendPlugin = (command: string) => rm(join(ground.dir, `fail-${command}`));

test('a plugin that fails in ADD is told in its words and leaves no namespace, address or record', async () => {
  await breakPlugin('ADD');
  await expect(ground.pod({}, NamespaceMode.POD)).rejects.toMatchObject({
    code: 'network-plugin-failed',
    message: expect.stringMatching(/plugin tail.*the test refuses ADD/) as unknown,
  });
  expect(ground.engine.pods.list()).toEqual([]);
  await ground.expectNothingLeft();
});

test('a plugin whose DEL fails does not keep a pod from being stopped; the address is given back once it is mended', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  await ground.running(pod, untilTerm);
  const { pods, podLifecycle } = ground.engine;
  await breakPlugin('DEL');
  await podLifecycle.stop(pod);
  expect(pods.get(pod)).toMatchObject({ phase: 'stopped', network: { attached: true } });
  await podLifecycle.remove(pod);
  expect(pods.get(pod)).toBeUndefined();
  expect(await ground.addresses()).toHaveLength(1);

  // Not forgotten: neither by a try that fails nor by a kill.
  await pods.retry();
  await ground.kill();
  await ground.start();
  expect(await ground.addresses()).toHaveLength(1);
  await mendPlugin('DEL');
  await ground.engine.pods.retry();
  await ground.expectNothingLeft();
  await ground.kill();
  await ground.editState(async ({ sandboxes }) => expect([...sandboxes.values()]).toEqual([]));
});

test('a stopped pod whose DEL failed is detached by the retry and stays stopped', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  const { pods, podLifecycle } = ground.engine;
  await breakPlugin('DEL');
  await podLifecycle.stop(pod);
  await mendPlugin('DEL');
  await pods.retry();
  expect(pods.get(pod)).toMatchObject({ phase: 'stopped', network: { attached: false } });
  expect(await ground.addresses()).toEqual([]);
});

test('a pod whose ADD and then whose undo failed is taken down by the retry', async () => {
  await breakPlugin('ADD');
  await breakPlugin('DEL');
  await expect(ground.pod({}, NamespaceMode.POD)).rejects.toThrow(/refuses ADD/);
  expect(await ground.addresses()).toHaveLength(1);
  await mendPlugin('DEL');
  await ground.engine.pods.retry();
  await ground.expectNothingLeft();
});

test('a start has the network of each ready pod checked once; one that is not as it was stays', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  await ground.kill();
  await breakPlugin('CHECK');
  const said: string[] = [];
  await ground.start((line) => void said.push(line));
  await until('the check is told', () => said.some((line) => line.includes('the test refuses CHECK')));
  expect(said.filter((line) => line.includes('CHECK'))).toEqual([
    expect.stringMatching(/the network of pod ground\/pod-\d+ is not as it was: CNI CHECK: plugin tail/),
  ]);
  expect(ground.engine.pods.get(pod)).toMatchObject({ phase: 'ready', network: { attached: true } });
});
