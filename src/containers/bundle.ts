import { readFile } from 'node:fs/promises';
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
