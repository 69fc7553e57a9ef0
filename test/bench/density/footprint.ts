import { readdir } from 'node:fs/promises';
import { footprint } from '../monitor/footprint';
import { readProc } from '../proc';

/** Memory that a runtime takes beside the containers themselves: KiB of PSS, by the program's name. */
export type Shares = ReadonlyMap<string, { readonly processes: number; readonly pss: number }>;

/**
 * The daemon and all of its helpers (monitors, shims): whatever has a path of the daemon's own on its command line. What
 * runs in a container has not.
 */
export async function sharesOf(daemonPid: number, ownFolder: string): Promise<Shares> {
  const shares = new Map<string, { processes: number; pss: number }>();
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const commandLine = await readProc(pid, 'cmdline');
    if (commandLine === undefined || (pid !== daemonPid && !commandLine.includes(ownFolder))) continue;
    const program = ((await readProc(pid, 'comm')) ?? '').trim();
    const share = shares.get(program) ?? { processes: 0, pss: 0 };
    shares.set(program, { processes: share.processes + 1, pss: share.pss + (await footprint(pid)).pss });
  }
  return shares;
}
