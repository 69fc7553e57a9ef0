import { ContainerState, type ContainerStatus, MountPropagation, PodSandboxState, Signal } from '../../wire';
import { type Define, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { CliError } from '../failure';
import { listTargets, pickIfAny } from '../find';
import { write } from '../io';
import { json } from '../output/json';

/** berth inspect OBJECT */
export const define: Define = (command, { io }) => {
  command
    .description('Shows all that the daemon knows about a container, a pod or an image, as JSON.')
    .argument('<object>', 'name, or the beginning of the id')
    .action(async (reference: string) => {
      using daemon = new Daemon(globalOptions(command, io));
      await write(io.stdout, json(await inspect(daemon, reference)));
    });
};

async function inspect(daemon: Daemon, reference: string): Promise<object> {
  const target = pickIfAny(await listTargets(daemon, 'all'), reference);
  switch (target?.kind) {
    case 'container': {
      const { status, info } = await daemon.containerStatus(target.id, true);
      return { kind: 'container', status: status && withNames(status), info: parsed(info) };
    }
    case 'pod': {
      const { status, info } = await daemon.podStatus(target.id, true);
      return { kind: 'pod', status: status && { ...status, state: PodSandboxState[status.state] }, info: parsed(info) };
    }
    case undefined: {
      const { image, info } = await daemon.imageStatus(reference, true);
      if (image) return { kind: 'image', status: image, info: parsed(info) };
      throw new CliError(`there is no container, pod or image ${JSON.stringify(reference)}`);
    }
    default:
      return target satisfies never;
  }
}

/** Enums by their names, as the contract has them. */
function withNames(status: ContainerStatus): object {
  return {
    ...status,
    state: ContainerState[status.state],
    stopSignal: Signal[status.stopSignal],
    mounts: status.mounts.map((mount) => ({ ...mount, propagation: MountPropagation[mount.propagation] })),
  };
}

/** The verbose info: values that are JSON themselves are shown as what they say. */
function parsed(info: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(info).map(([key, value]) => [key, parsedOrText(value)]));
}

function parsedOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // CRI leaves open what a value is.
    return value;
  }
}
