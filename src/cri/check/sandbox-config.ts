import type { PodSandboxConfig } from '../../wire';
import { needMessage, needText, refuseWindows } from './required';

/** A pod's configuration with all that names it. What the fields mean is checked where they are used. */
export function checkSandboxConfig(op: string, field: string, config: PodSandboxConfig | undefined): PodSandboxConfig {
  const present = needMessage(op, field, config);
  const metadata = needMessage(op, `${field}.metadata`, present.metadata);
  needText(op, `${field}.metadata.name`, metadata.name);
  needText(op, `${field}.metadata.namespace`, metadata.namespace);
  needText(op, `${field}.metadata.uid`, metadata.uid);
  refuseWindows(op, field, present);
  return present;
}
