import { readFile, rename, writeFile } from 'node:fs/promises';
import { BerthError, errnoOf, messageOf } from '../base';
import type { Spec } from '../spec';

/** The spec, or undefined if the bundle is gone: it goes with the writable layer when the machine is restarted. */
export async function readSpecIfThere(configPath: string, containerId: string): Promise<Spec | undefined> {
  try {
    return await readSpec(configPath, containerId);
  } catch (error) {
    if (error instanceof BerthError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The spec that the container was created with: its bundle's config.json, which only berth writes. */
export async function readSpec(configPath: string, containerId: string): Promise<Spec> {
  try {
    return JSON.parse(await readFile(configPath, 'utf8')) as Spec;
  } catch (error) {
    throw new BerthError('state-corrupt', {
      op: 'read the bundle',
      object: `container ${containerId}`,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** Changes the spec of a container that exists: execs are made from it, and people are shown it. */
export async function changeSpec(configPath: string, containerId: string, change: (spec: Spec) => Spec): Promise<void> {
  const spec = change(await readSpec(configPath, containerId));
  // An exec that reads meanwhile sees the one or the other.
  await writeFile(`${configPath}.new`, JSON.stringify(spec), { mode: 0o600 });
  await rename(`${configPath}.new`, configPath);
}
