import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import type { Log } from '../../../src/base';
import type { Kernel } from '../../../src/kernel';
import { openNetwork, type Network, type NetworkSettings } from '../../../src/pods';
import { PodSandboxConfig } from '../../../src/wire';
import { Ground as KernelGround } from '../../kernel/support';

/** One call of a plugin as it saw it. */
export interface SeenCall {
  readonly command: string;
  readonly id: string;
  readonly input: Record<string, unknown>;
}

/**
 * Notes each call in a file; `fail-<command>` in the folder is what it says to that command, and while `hold-<command>` is
 * there it does not end. ADD gives one address.
 */
const script = (dir: string) => `#!/bin/sh
input=$(cat)
name=\${0##*/}
printf '{"command":"%s","id":"%s","input":%s}\\n' "$name $CNI_COMMAND" "$CNI_CONTAINERID" "$input" >> ${dir}/calls
while [ -e ${dir}/hold-$CNI_COMMAND ]; do sleep 0.01; done
if [ -e ${dir}/fail-$CNI_COMMAND ]; then cat ${dir}/fail-$CNI_COMMAND; exit 1; fi
if [ "$CNI_COMMAND" = ADD ]; then cat ${dir}/result; fi
`;

/** A network of plugins that are scripts, on the real kernel. */
export class NetworkGround {
  readonly lines: { level: number; msg: string }[] = [];
  /** What the records say is attached. */
  attached: readonly string[] = [];
  settings: NetworkSettings;
  private readonly networks: Network[] = [];

  private constructor(
    readonly dir: string,
    private readonly ground: KernelGround,
    readonly kernel: Kernel,
  ) {
    this.settings = { confDir: join(dir, 'net.d'), binDirs: [join(dir, 'bin')], defaultNetwork: '' };
  }

  static async create(): Promise<NetworkGround> {
    const ground = new KernelGround();
    const kernel = await ground.start();
    const made = new NetworkGround(ground.dir, ground, kernel);
    for (const name of ['net.d', 'bin']) await mkdir(join(made.dir, name));
    await made.write('result', JSON.stringify({ cniVersion: '1.1.0', ips: [{ address: '10.9.0.5/24' }] }));
    for (const name of ['one', 'two']) await writeFile(join(made.dir, 'bin', name), script(made.dir), { mode: 0o755 });
    return made;
  }

  async open(): Promise<Network> {
    const network = await openNetwork({
      kernel: this.kernel,
      settings: () => this.settings,
      attached: () => this.attached,
      log: this.log,
    });
    this.networks.push(network);
    return network;
  }

  get log(): Log {
    const write = (line: string) => void this.lines.push(JSON.parse(line) as { level: number; msg: string });
    return pino({ level: 'debug' }, { write });
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.dir, name), text);
  }

  remove(name: string): Promise<void> {
    return rm(join(this.dir, name));
  }

  conflist(more: object = {}): string {
    return JSON.stringify({ name: 'net', cniVersion: '1.1.0', plugins: [{ type: 'one' }, { type: 'two' }], ...more });
  }

  /** A plugin's failure, in the form of the CNI spec. */
  fail(command: string, code: number, msg: string): Promise<void> {
    return this.write(`fail-${command}`, JSON.stringify({ cniVersion: '1.1.0', code, msg }));
  }

  async calls(command = ''): Promise<SeenCall[]> {
    const text = await readFile(join(this.dir, 'calls'), 'utf8').catch(() => '');
    const all = text.split('\n').filter(Boolean);
    return all.map((line) => JSON.parse(line) as SeenCall).filter((call) => call.command.endsWith(command));
  }

  pod(id: string) {
    return { id, netns: '/run/netns/none', cgroupPath: '/x', config: PodSandboxConfig.fromPartial({}) };
  }

  async dispose(): Promise<void> {
    for (const network of this.networks) network.close();
    await this.ground.dispose();
  }
}
