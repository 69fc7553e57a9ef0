import { join } from 'node:path';
import { open } from 'lmdb';
import type { Layout } from '../layout';

/** The ids of all pods and containers that a daemon has a record of, those too that no list shows. */
export async function recordsIn({ root }: Layout): Promise<readonly string[]> {
  const environment = open({ path: join(root, 'meta'), readOnly: true });
  try {
    return ['sandboxes', 'containers'].flatMap((name) => {
      const ids = environment.openDB<unknown, string>({ name }).getKeys();
      return [...ids].map((id) => `${name}: ${id}`);
    });
  } finally {
    await environment.close();
  }
}
