import { build } from '../../kernel/support';
import { exitStorm } from '../support/exit-storm';
import { buildConmon, buildFakeRuntime } from '../support/native';
import { Stage } from '../support/stage';

const launcher = build('launcher');
const conmon = buildConmon();

/** The full form is 1000; `npm run bench -- monitor` runs it too. */
const count = Number(process.env['BERTH_STORM'] ?? 200);

test(`${count} containers that end at once: every record right, every line kept, nothing left`, async () => {
  await using stage = await Stage.open({ launcher, conmon, runtime: buildFakeRuntime(), confines: false });
  expect((await exitStorm(stage, count, true)).problems).toEqual([]);
}, 120_000);

test('and so with runc', async () => {
  await using stage = await Stage.open({ launcher, conmon, runtime: '/usr/sbin/runc', confines: true });
  expect((await exitStorm(stage, count / 10, false)).problems).toEqual([]);
}, 120_000);
