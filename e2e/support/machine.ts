import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program of the machine and gives its stdout; a failure carries its stderr. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { maxBuffer: 64 << 20 });
  return stdout;
}

/** Runs a program with a text on its stdin. */
export async function feed(program: string, args: readonly string[], text: string): Promise<void> {
  const running = execute(program, args);
  running.child.stdin?.end(text);
  await running;
}

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port was given'));
        else resolve(address.port);
      });
    });
  });
}

/** Names of one run: nothing of it is mistaken for another run's on the same machine. */
export interface RunNames {
  /** CNI network. */
  readonly network: string;
  /** Bridge interface: at most 15 characters. */
  readonly bridge: string;
  /** IPv4 /24. */
  readonly subnet: string;
  /** Under which the pods' cgroups go: a path, or with systemd a slice, whose name is its path. */
  readonly cgroupParent: string;
}

/** Whether systemd is init (sd_booted(3)). */
export const systemdRuns = (): boolean => existsSync('/run/systemd/system');

/** Draws names and a subnet that no route of the machine uses; `slices` for a daemon whose cgroups systemd makes. */
export async function drawNames(prefix: string, slices = false): Promise<RunNames> {
  const tag = randomBytes(3).toString('hex');
  const routes = await run('ip', '-4', 'route', 'show', 'table', 'all');
  for (;;) {
    const subnet = `10.${randomInt(100, 250)}.${randomInt(0, 256)}`;
    if (!routes.includes(`${subnet}.`)) {
      return {
        network: `${prefix}-${tag}`,
        bridge: `${prefix.slice(0, 6)}-${tag}`,
        subnet: `${subnet}.0/24`,
        cgroupParent: slices ? `${prefix}${tag}.slice` : `/${prefix}-${tag}`,
      };
    }
  }
}
