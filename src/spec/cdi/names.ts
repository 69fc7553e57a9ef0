import type { ContainerConfig } from '../../wire';
import { refuseContainer } from '../refuse';

/** Annotations by which device plugins of before CRI's field asked for devices. */
const prefix = 'cdi.k8s.io/';

/** The devices that a container asks for by qualified name, each once (CRI ContainerConfig.CDI_devices, and annotations). */
export function cdiDeviceNames(id: string, { CDIDevices, annotations }: ContainerConfig): readonly string[] {
  const annotated = Object.entries(annotations)
    .filter(([key]) => key.startsWith(prefix))
    .flatMap(([, value]) => value.split(','));
  const names = [...new Set([...CDIDevices.map(({ name }) => name), ...annotated])];
  const wrong = names.find((name) => !/^[\w.-]+\/[\w-]+=[\w.:-]+$/.test(name));
  if (wrong === undefined) return names;
  throw refuseContainer(id, `CDI_devices has ${JSON.stringify(wrong.slice(0, 200))}: not vendor/class=name`);
}
