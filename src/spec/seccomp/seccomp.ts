import type { ContainerSpecInput } from '../input';
import type { Capabilities, Seccomp } from '../oci';
import { refuseContainer } from '../refuse';
import { plainName } from '../security/capability-names';
import { defaultProfile } from './default-profile';
import { localhostProfile } from './localhost';
import { seccompRequest } from './request';

/** The container's filter; undefined is none. Capabilities decide which calls a profile opens. */
export function containerSeccomp(input: ContainerSpecInput, capabilities: Capabilities): Seccomp | undefined {
  const request = seccompRequest(input.id, input.config.linux?.securityContext);
  const arch = input.facts.arch ?? process.arch;
  const granted = new Set(capabilities.bounding.map(plainName));
  switch (request.kind) {
    case 'unconfined':
      return undefined;
    case 'runtime-default':
      return defaultProfile(arch, granted);
    case 'localhost':
      if (input.seccompProfile === undefined) throw refuseContainer(input.id, `seccomp: ${request.path} was not read`);
      return localhostProfile(input.seccompProfile, { arch, granted, kernelRelease: input.facts.kernelRelease });
  }
}
