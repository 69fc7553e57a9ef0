/** Holds a kernel until it is ended: run as a process of its own by lifecycle.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { silentLog } from '../../src/base';
import { startKernel } from '../../src/kernel';

const [launcherPath = '', runRoot = '', cgroupBase = '', lockPath = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const lock = { path: lockPath, timeoutMs: 20_000 };
  const kernel = await startKernel({ launcherPath, runRoot, cgroupBase, lock, log: silentLog() });
  const script = 'printf x >&3; exec 3>&-; exec sleep 1000';
  const monitor = await kernel.startMonitor({ path: '/bin/sh', args: ['-c', script] });
  const marker = `1000.${process.pid}`;
  kernel.run({ path: 'sh', args: ['-c', `sleep ${marker}; true`] }).catch(() => undefined);
  const parentOf = (pid: number) =>
    Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1],
    );
  const find = () =>
    readdirSync('/proc').find((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${marker}\0`;
      } catch {
        // It ended while the list was read.
        return false;
      }
    });
  while (!find()) await new Promise((resolve) => setTimeout(resolve, 5));
  process.once('SIGTERM', () => void kernel.close());
  console.log(monitor.pid, String(monitor.startTime), find(), parentOf(monitor.pid));
}

void main();
