import { BerthError } from '../base';
import type { Config } from './schema';

/** Keys that are read at each use, so that a reload changes them; a table's name stands for all that is in it. */
const reloadable: readonly string[] = [
  'log',
  'runtime.default_handler',
  'runtime.handlers',
  'runtime.hooks_dirs',
  'runtime.cdi_spec_dirs',
  'runtime.restore_from',
  'runtime.pids_limit',
  'runtime.default_env',
  'runtime.default_capabilities',
  'runtime.default_ulimits',
  'runtime.additional_devices',
  'runtime.timezone',
  'runtime.log_size_max',
  'runtime.log_to_journald',
  'network.cni_conf_dir',
  'network.cni_bin_dirs',
  'network.default_network',
  'image.registries_conf',
  'image.auth_files',
  'image.namespaced_auth_dir',
  'image.signature_policy',
  'image.signature_policy_dir',
  'image.registries_d',
  'image.pull_progress_timeout',
  'image.pinned_images',
  'observe.pod_metrics',
];

/** Whether a reload takes a change of this key. */
export function isReloadable(key: string): boolean {
  return reloadable.some((one) => key === one || key.startsWith(`${one}.`));
}

/** The keys of the configuration, as a person writes them, with their values. Tables that may hold any key are one. */
export function configKeys(config: Config): ReadonlyMap<string, unknown> {
  return new Map(keysOf(config, ''));
}

/**
 * The keys that two configurations differ in, if a running daemon can take the second.
 * @throws `config-needs-restart`, naming those that only a start reads.
 */
export function changedKeys(from: Config, to: Config): readonly string[] {
  const [before, after] = [configKeys(from), configKeys(to)];
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key)),
  );
  const fixed = changed.filter((key) => !isReloadable(key));
  if (fixed.length === 0) return changed;
  const detail = `${fixed.join(', ')} ${fixed.length > 1 ? 'are' : 'is'} read at the start only: nothing is changed`;
  throw new BerthError('config-needs-restart', { op: 'reload the configuration', object: fixed[0] ?? '', detail });
}

/** Tables that may hold any key. */
const tables: readonly string[] = ['runtime.handlers', 'log.filters', 'log.slow_operation'];

function keysOf(table: object, prefix: string): (readonly [string, unknown])[] {
  return Object.entries(table).flatMap(([name, value]: [string, unknown]) => {
    const key = prefix + name;
    const inner = typeof value === 'object' && value !== null && !Array.isArray(value);
    return inner && !tables.includes(key) ? keysOf(value, `${key}.`) : [[key, value] as const];
  });
}
