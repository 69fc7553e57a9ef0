import type { ContainerConfig } from '../../wire';
import type { ImageDefaults } from '../image-defaults';
import { refuseContainer } from '../refuse';

/**
 * The argument vector: command replaces Entrypoint and Cmd, args alone replace Cmd (CRI ContainerConfig.command, .args).
 * @throws `container-no-command` if nothing is left.
 */
export function processArgs(id: string, config: ContainerConfig, image: ImageDefaults): readonly string[] {
  const args = chooseArgs(config, image);
  if (args.length === 0 || args[0] === '') {
    const name = config.image?.userSpecifiedImage || config.image?.image || 'without a name';
    throw refuseContainer(
      id,
      `no command: config.command and config.args are empty, and image ${name} has no Entrypoint or Cmd`,
      'container-no-command',
    );
  }
  if (args.some((arg) => arg.includes('\0'))) throw refuseContainer(id, 'config.command or config.args has a NUL byte');
  return args;
}

function chooseArgs(config: ContainerConfig, image: ImageDefaults): readonly string[] {
  if (config.command.length > 0) return [...config.command, ...config.args];
  // An Entrypoint of one empty string is how a Dockerfile resets its base's.
  const entrypoint = image.entrypoint.length === 1 && image.entrypoint[0] === '' ? [] : image.entrypoint;
  return [...entrypoint, ...(config.args.length > 0 ? config.args : image.cmd)];
}
