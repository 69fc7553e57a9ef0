import { Command } from 'commander';
import type { Overrides } from '../config';

/** The command line of berthd, read. */
export interface Arguments {
  readonly configPath: string;
  /** The user named the file: it has to be there. */
  readonly configGiven: boolean;
  readonly overrides: Overrides;
}

const defaultConfig = '/etc/berth/berth.toml';

/** Reads the flags; `--help` and `--version` print and exit, a wrong flag exits with 2. */
export function readArguments(argv: readonly string[], version: string): Arguments {
  const command = new Command('berthd')
    .description('The container runtime daemon: serves CRI v1 to the kubelet on a unix socket.')
    .version(version)
    .option('--config <file>', 'configuration file; drop-ins are read from <file>.d', defaultConfig)
    .option('--root <dir>', 'state that survives a reboot: images, containers, records')
    .option('--run-root <dir>', 'state that does not: sockets, namespaces, mounts')
    .option('--socket <path>', 'where CRI is served')
    .option('--cni-conf-dir <dir>', 'folder of the pod network configuration')
    .option('--cni-bin-dir <dirs>', 'folders of CNI plugins, separated by colons')
    .option('--registries-conf <file>', 'registries.conf with mirrors and short names')
    .option('--libexec-dir <dir>', "folder of berth's native programs")
    .option('--log-level <level>', 'fatal, error, warn, info, debug or trace')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' });
  const { config, ...overrides } = command.opts<{ config: string } & Overrides>();
  return { configPath: config, configGiven: command.getOptionValueSource('config') === 'cli', overrides };
}
