import { build } from '../../kernel/support';
import { execStorm } from '../support/exec-storm';
import { buildConmon, buildFakeRuntime } from '../support/native';
import { Stage } from '../support/stage';

const launcher = build('launcher');
const conmon = buildConmon();
const args = ['sleep', '100000'];

/** `npm run bench -- monitor` runs 100,000 and 2,000 of them. */
test('300 execs, 16 at a time: every code and output right, nothing left', async () => {
  await using stage = await Stage.open({ launcher, conmon, runtime: buildFakeRuntime(), confines: false });
  expect(await execStorm(stage, await stage.start({ args }), 300, 16)).toEqual([]);
});

test('and so with runc', async () => {
  await using stage = await Stage.open({ launcher, conmon, runtime: '/usr/sbin/runc', confines: true });
  expect(await execStorm(stage, await stage.start({ args }), 20, 4)).toEqual([]);
});
