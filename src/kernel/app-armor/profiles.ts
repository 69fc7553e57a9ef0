import { readFile } from 'node:fs/promises';
import { BerthError, errnoOf, messageOf, type Log } from '../../base';
import { fileError } from '../errors';
import type { Kernel, KernelFacts } from '../kernel';
import { defaultProfile, defaultProfileName } from './default-profile';

const enabledFile = '/sys/module/apparmor/parameters/enabled';
const profilesFile = '/sys/kernel/security/apparmor/profiles';
/** The parser compiles it anew each time: a fraction of a second, more on a busy machine. */
const parserMs = 60_000;

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // EINVAL: the module is there, and not in use.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw fileError({ op: 'read AppArmor', object: path }, error);
  }
}

/** The names in the kernel's list of profiles: one a line, its mode in brackets after it. */
export function parseProfiles(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').flatMap((line) => /^(.+) \([a-z]+\)$/.exec(line)?.[1] ?? []));
}

/** The profiles that the kernel has now; undefined where AppArmor is off. */
async function loadedProfiles(): Promise<ReadonlySet<string> | undefined> {
  if ((await readIfThere(enabledFile))?.trim() !== 'Y') return undefined;
  const text = await readIfThere(profilesFile);
  return text === undefined ? undefined : parseProfiles(text);
}

/** Loads berth's own profile, or replaces the one of an earlier berth. */
async function loadDefault(kernel: Pick<Kernel, 'run'>): Promise<void> {
  const result = await kernel.run({
    path: 'apparmor_parser',
    args: ['--replace', '--skip-cache'],
    env: { PATH: '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin' },
    stdin: defaultProfile,
    timeoutMs: parserMs,
  });
  if (result.exitCode === 0) return;
  throw new BerthError('program-failed', {
    op: 'load the AppArmor profile',
    object: defaultProfileName,
    detail: result.timedOut
      ? `apparmor_parser did not end within ${parserMs / 1000} s`
      : result.stderr.toString('utf8').trim(),
  });
}

/** What AppArmor offers here; berth's own profile is loaded where it is on. Without its parser there is no default profile. */
export async function prepareAppArmor(
  kernel: Pick<Kernel, 'run'>,
  log: Pick<Log, 'warn'>,
): Promise<Pick<KernelFacts, 'appArmor'>> {
  if (!(await loadedProfiles())) return {};
  try {
    await loadDefault(kernel);
    return { appArmor: { defaultProfile: defaultProfileName } };
  } catch (error) {
    log.warn({ err: error }, `containers run without a default AppArmor profile: ${messageOf(error)}`);
    return { appArmor: {} };
  }
}

/** Whether the kernel has the profile. berth's own is loaded again if somebody has taken it away. */
export async function hasProfile(kernel: Pick<Kernel, 'run'>, name: string): Promise<boolean> {
  const profiles = await loadedProfiles();
  if (!profiles || profiles.has(name)) return profiles !== undefined;
  if (name !== defaultProfileName) return false;
  await loadDefault(kernel);
  return true;
}
