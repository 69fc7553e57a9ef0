import { readFile, rename, stat } from 'node:fs/promises';
import { parseLog, written } from '../support/kubelet-log';
import { berthTest, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();
const counting = 'i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.005; done';
const numbered = Array.from({ length: 400 }, (_, index) => `line ${index}`);

test('ReopenContainerLog after a rename: the new file is there on return, and no line is lost', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', counting] });
  const rotated = [`${container.log}.1`, `${container.log}.2`];
  for (const name of rotated) {
    await until('some lines', async () => (await stat(container.log)).size > 500);
    await rename(container.log, name);
    await world.cri.reopenLog(container.id);
    await expect(stat(container.log)).resolves.toBeDefined();
  }
  await world.exited(container.id);
  const texts = await Promise.all([...rotated, container.log].map((name) => readFile(name, 'utf8')));
  const lines = texts.flatMap((text) => parseLog(text));
  expect(lines.map(({ text }) => text)).toEqual(numbered);
});

test('a log that is complete has every byte when the container is seen to have exited', async () => {
  const script = 'i=0; while [ $i -lt 5000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done';
  const { lines } = await suite.world.runToEnd(script);
  expect(written(lines).split('\n').length).toBe(5001);
  expect(written(lines, 'stderr').split('\n').length).toBe(5001);
  expect(lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text)[4999]).toBe('out 4999');
});

test('times rise and are of now', async () => {
  const begun = Date.now();
  const { lines } = await suite.world.runToEnd('for i in 1 2 3; do echo $i; done');
  const times = lines.map(({ time }) => time);
  expect([...times].sort()).toEqual(times);
  for (const time of times) expect(Math.abs(Date.parse(time) - begun)).toBeLessThan(10_000);
});

berthTest('a log without a rename is not truncated by ReopenContainerLog', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', counting] });
  await until('some lines', async () => (await stat(container.log)).size > 500);
  await world.cri.reopenLog(container.id);
  await world.cri.reopenLog(container.id);
  await world.exited(container.id);
  expect((await world.logOf(container)).map(({ text }) => text)).toEqual(numbered);
});

berthTest('a line that is written in two parts is one line', async () => {
  const { lines } = await suite.world.runToEnd('printf one; sleep 0.2; echo " line"');
  expect(lines.map(({ tag, text }) => `${tag} ${text}`)).toEqual(['F one line']);
});

berthTest('times are UTC with nine digits', async () => {
  const { lines } = await suite.world.runToEnd('echo x');
  expect(lines[0]?.time).toMatch(/\.\d{9}Z$/);
});
