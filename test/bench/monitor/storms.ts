import { execStorm } from '../../runtime/support/exec-storm';
import { exitStorm } from '../../runtime/support/exit-storm';
import { Stage, type StagePrograms } from '../../runtime/support/stage';
import { timed } from '../measure';
import { atMost, type Figure } from './figure';
import { growth } from './growth';

const concurrency = 16;
/** Before its memory is looked at: the allocator's caches settle in the first hundreds. */
const warmingShare = 0.1;

/** So many containers that end at once: how long it takes, and what went wrong. */
export async function exits(programs: StagePrograms, name: string, count: number): Promise<readonly Figure[]> {
  await using stage = await Stage.open(programs);
  const { wallMs, problems } = await exitStorm(stage, count, !programs.confines);
  return [
    { what: `${count} containers exit at once (${name})`, unit: 'ms', value: wallMs },
    verdict('of them: wrong code, lost line or left-over', problems),
  ];
}

/** So many execs in one container: their rate, what went wrong, and how much the monitor has grown. */
export async function execs(programs: StagePrograms, name: string, count: number): Promise<readonly Figure[]> {
  await using stage = await Stage.open(programs);
  const staged = await stage.start({ args: ['sleep', '100000'] });
  const problems = [...(await execStorm(stage, staged, Math.ceil(count * warmingShare), concurrency))];
  let ms = 0;
  const grown = await growth(staged.process.pid, `${count} execs (${name})`, async () => {
    const storm = await timed(() => execStorm(stage, staged, count, concurrency));
    problems.push(...storm.value);
    ms = storm.ms;
  });
  return [
    { what: `${count} execs, ${concurrency} at a time (${name})`, unit: '/s', value: count / (ms / 1000) },
    verdict('of them: wrong code or output, or left-over', problems),
    grown,
  ];
}

function verdict(what: string, problems: readonly string[]): Figure {
  return {
    what,
    unit: '',
    value: problems.length,
    bar: atMost(problems.length, 0, ''),
    problems: problems.slice(0, 20),
  };
}
