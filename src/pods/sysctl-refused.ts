import { BerthError, isBerthError } from '../base';

/** How the launcher tells of a sysctl that it could not write: its name, its value, the errno. */
const told = /^sysctl ([^=]+)=(.*): (E[A-Z0-9]+)$/s;

/** The error of a pod whose sysctl the kernel does not take, if that is what pinning its namespaces failed for. */
export function sysctlRefused(error: unknown): BerthError | undefined {
  if (!isBerthError(error, 'kernel-refused', 'argument-invalid')) return undefined;
  const [, name = '', value = '', errno = ''] = told.exec(error.detail) ?? [];
  if (name === '') return undefined;
  return new BerthError('argument-invalid', {
    op: 'RunPodSandbox',
    object: `config.linux.sysctls ${JSON.stringify(name)}`,
    detail: `the kernel refuses the value ${JSON.stringify(value.slice(0, 100))}: ${errno}`,
    cause: error,
  });
}
