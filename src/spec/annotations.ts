import type { ContainerSpecInput } from './input';

/** The annotations by which tools on the node (NRI, sandboxed runtimes, profilers) know containers of CRI. */
export function containerAnnotations({ config, sandbox }: ContainerSpecInput): Readonly<Record<string, string>> {
  return {
    ...podAnnotations('container', sandbox.id, sandbox.config.metadata),
    'io.kubernetes.cri.container-name': config.metadata?.name ?? '',
    'io.kubernetes.cri.image-name': config.image?.userSpecifiedImage || config.image?.image || '',
  };
}

/** Those that the sandbox's own process has too. */
export function podAnnotations(
  type: 'container' | 'sandbox',
  sandboxId: string,
  metadata: ContainerSpecInput['sandbox']['config']['metadata'],
): Readonly<Record<string, string>> {
  return {
    'io.kubernetes.cri.container-type': type,
    'io.kubernetes.cri.sandbox-id': sandboxId,
    'io.kubernetes.cri.sandbox-name': metadata?.name ?? '',
    'io.kubernetes.cri.sandbox-namespace': metadata?.namespace ?? '',
    'io.kubernetes.cri.sandbox-uid': metadata?.uid ?? '',
  };
}
