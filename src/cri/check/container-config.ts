import type { ContainerConfig, ImageSpec } from '../../wire';
import { needMessage, needText, refuseWindows } from './required';

/** A container's configuration with all that names it. What the fields mean is checked where they are used. */
export function checkContainerConfig(op: string, field: string, config: ContainerConfig | undefined): ContainerConfig {
  const present = needMessage(op, field, config);
  const metadata = needMessage(op, `${field}.metadata`, present.metadata);
  needText(op, `${field}.metadata.name`, metadata.name);
  checkImage(op, `${field}.image`, present.image);
  refuseWindows(op, field, present);
  return present;
}

/** The name or id of the image that a request is about. */
export function checkImage(op: string, field: string, image: ImageSpec | undefined): string {
  return needText(op, `${field}.image`, needMessage(op, field, image).image);
}
