import type { KeyValue } from '../../wire';
import { refuseContainer } from '../refuse';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvInput {
  readonly id: string;
  readonly tty: boolean;
  readonly hostname: string;
  readonly home: string;
  /** `KEY=value` of the configuration. */
  readonly defaults: readonly string[];
  /** `KEY=value` of the image. */
  readonly image: readonly string[];
  /** CRI ContainerConfig.envs. */
  readonly config: readonly KeyValue[];
}

export interface Env {
  readonly env: readonly string[];
  readonly notes: readonly string[];
}

/** The environment: later layers win over earlier ones, each key stands once, where it was first set. */
export function processEnv(input: EnvInput): Env {
  const notes: string[] = [];
  const env = new Map<string, string>([['PATH', defaultPath]]);
  if (input.tty) env.set('TERM', 'xterm');
  env.set('HOSTNAME', input.hostname);
  env.set('HOME', input.home);
  for (const pair of [...input.defaults, ...input.image]) {
    const equals = pair.indexOf('=');
    // Image builders leave entries without a value behind; the runtime would refuse them.
    if (equals > 0 && !pair.includes('\0')) env.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  for (const { key, value } of input.config) {
    if (key === '' || /[=\0]/.test(key))
      throw refuseContainer(input.id, `config.envs has the key ${JSON.stringify(key)}`);
    if (value.includes(0)) throw refuseContainer(input.id, `config.envs: the value of ${key} has a NUL byte`);
    const text = value.toString('utf8');
    if (text.includes('\ufffd') && !Buffer.from(text).equals(value)) {
      notes.push(`env ${key} is not UTF-8: the OCI spec is JSON and cannot carry it, so bytes were replaced`);
    }
    env.set(key, text);
  }
  return { env: [...env].map(([key, value]) => `${key}=${value}`), notes };
}
