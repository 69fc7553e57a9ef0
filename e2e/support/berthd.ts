import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DaemonOptions } from './daemon';
import { registriesConf } from './layout';

/** berthd as a program: by its own first line, which has the options of node that it needs. */
export const berthdProgram = (): string => resolve(process.env['BERTH_E2E_BERTHD'] ?? 'dist/berthd.js');

/** The bundled berthd with folders of its own. */
export async function berthdCommand({
  layout,
  hosts,
  runtime,
  config: more = '',
  registries: others = '',
}: DaemonOptions): Promise<readonly string[]> {
  const config = join(layout.dir, 'berth.toml');
  const registries = join(layout.dir, 'registries.conf');
  const level = process.env['BERTH_E2E_LOG_LEVEL'];
  const handler = runtime === undefined ? '' : `[runtime.handlers.runc]\npath = "${runtime}"\n`;
  await writeFile(config, handler + more);
  await writeFile(registries, registriesConf(hosts));
  await mkdir(`${registries}.d`);
  await writeFile(join(`${registries}.d`, '50-more.conf'), others);
  return [
    berthdProgram(),
    ...['--config', config, '--root', layout.root, '--run-root', layout.runRoot, '--socket', layout.socket],
    ...['--cni-conf-dir', layout.cniConfDir, '--cni-bin-dir', `${layout.pluginDir}:/usr/lib/cni`],
    ...['--registries-conf', registries],
    // Without one the level is the configuration's, and a reload's.
    ...(level === undefined ? [] : ['--log-level', level]),
  ];
}
