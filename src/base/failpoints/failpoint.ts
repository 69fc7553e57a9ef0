import { pause } from '../abort';
import { BerthError } from '../errors/berth-error';
import type { Log } from '../log';
import { stage } from '../stages';
import { parseFailpoints, type FailAction } from './parse';
import type { Failpoint, FailStep } from './steps';

interface Armed {
  readonly action: FailAction;
  left: number;
}

/** What is armed in this process: empty unless a test has started berthd with BERTH_FAILPOINTS. */
const registry: { readonly armed: Map<Failpoint, Armed>; log: Log | undefined } = { armed: new Map(), log: undefined };

/**
 * Arms the failpoints that the text names and says so; gives what disarms them.
 * @throws `config-invalid` for a text that cannot be read: nothing is armed then.
 */
export function armFailpoints(text: string, log: Log): () => Promise<void> {
  const asked = parseFailpoints(text);
  registry.log = log;
  registry.armed.clear();
  for (const { name, action, times } of asked) registry.armed.set(name, { action, left: times });
  const names = [...registry.armed.keys()];
  if (names.length > 0) log.warn({ failpoints: names }, `failpoints are active: ${names.join(', ')}`);
  return async () => registry.armed.clear();
}

/** Runs one step of a life, a stage of its job, with its two failpoints around it. With nothing armed it is the work alone. */
export function step<T>(name: FailStep, work: () => Promise<T>): Promise<T> {
  return stage(name, () => (registry.armed.size === 0 ? work() : between(name, work)));
}

async function between<T>(name: FailStep, work: () => Promise<T>): Promise<T> {
  await reach(`${name}.before`);
  const value = await work();
  await reach(`${name}.after`);
  return value;
}

async function reach(name: Failpoint): Promise<void> {
  const armed = registry.armed.get(name);
  if (!armed || armed.left === 0) return;
  armed.left--;
  const { action } = armed;
  registry.log?.warn({ failpoint: name, action: action.kind }, `failpoint ${name} is reached: ${action.kind}`);
  switch (action.kind) {
    case 'error':
      throw new BerthError('failpoint', { op: 'failpoint', object: name, detail: 'it was reached' });
    case 'delay':
      return pause(action.ms);
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // Nothing of berthd goes on from here.
      return new Promise<never>(() => undefined);
    default:
      action satisfies never;
  }
}
