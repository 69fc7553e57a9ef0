import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, messageOf } from '../base';
import type { Config } from '../config';

/** The node's file that becomes /etc/localtime in containers; undefined: each image's own stays. */
export function timeZoneFile({ runtime: { timezone } }: Config): string | undefined {
  if (timezone === '') return undefined;
  return timezone === 'local' ? '/etc/localtime' : join('/usr/share/zoneinfo', timezone);
}

/** Rejects `config-invalid` if the configuration names a zone that this node does not have. */
export async function checkTimeZone(config: Config): Promise<void> {
  const file = timeZoneFile(config);
  if (file === undefined) return;
  try {
    await access(file);
  } catch (error) {
    throw new BerthError('config-invalid', {
      op: 'read the configuration',
      object: 'runtime.timezone',
      detail: messageOf(error),
      remedy: 'name a zone of /usr/share/zoneinfo (Debian: package tzdata), or leave it empty',
      cause: error,
    });
  }
}
