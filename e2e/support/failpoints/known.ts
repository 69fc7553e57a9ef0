import { spawnSync } from 'node:child_process';
import { berthdProgram } from '../berthd';

/** Every failpoint of the daemon under test, as it lists them itself when it is asked for one that it has not. */
export function knownFailpoints(): readonly string[] {
  const env = { ...process.env, BERTH_FAILPOINTS: 'which' };
  const { status, stderr } = spawnSync(berthdProgram(), [], { env, encoding: 'utf8' });
  const list = /"which\\" is no failpoint \(use one of: ([^)]*)\)/.exec(stderr)?.[1];
  if (status !== 1 || list === undefined) throw new Error(`berthd did not refuse an unknown failpoint: ${stderr}`);
  return list.split(', ');
}
