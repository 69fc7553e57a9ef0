import type { ContainerSpecInput } from './input';

/**
 * The annotations by which tools on the node (NRI, sandboxed runtimes, profilers) know containers of CRI, and those of pod
 * and container that the handler's configuration lets through: others could ask the runtime for what an administrator has
 * not granted.
 */
export function containerAnnotations(input: ContainerSpecInput): Readonly<Record<string, string>> {
  const { config, sandbox, allowedAnnotations } = input;
  const asked = { ...sandbox.config.annotations, ...config.annotations };
  return {
    ...Object.fromEntries(Object.entries(asked).filter(([name]) => allows(allowedAnnotations, name))),
    ...podAnnotations('container', sandbox.id, sandbox.config.metadata),
    'io.kubernetes.cri.container-name': config.metadata?.name ?? '',
    'io.kubernetes.cri.image-name': config.image?.userSpecifiedImage || config.image?.image || '',
  };
}

function allows(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
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
