import path from 'node:path';
import { BerthError, asidePath, newId } from '../base';
import { digestHex } from './digests';

/** Where everything of storage is. Ids and digests are checked before they become part of a path. */
export interface Layout {
  readonly blobs: string;
  readonly layers: string;
  readonly staging: string;
  readonly containers: string;
  readonly mounts: string;
  /** Roots of containers in user namespaces, whose processes have to pass through: a folder of each one's own. */
  readonly mapped: string;
  /** What was set aside because it is damaged. */
  readonly damaged: string;
  /** Images that containers have mounted as volumes: a folder for each container, in it one for each volume. */
  readonly volumes: string;
  /** An empty folder: the lower layer of images that have none. */
  readonly empty: string;
  blob(digest: string): string;
  layer(chainId: string): string;
  /** A folder of staging that nothing has used before. */
  newStaging(): string;
  /** Where a thing of this name is to be set aside. */
  newAside(name: string): string;
  container(id: string): string;
  mount(id: string): string;
  mappedOf(id: string): string;
  mappedMount(id: string): string;
  volumesOf(id: string): string;
}

/** The layout under `<root>` and `<imageRoot>` (kept), and `<runRoot>` (gone after a reboot). */
export function layoutOf(root: string, imageRoot: string, runRoot: string): Layout {
  const blobs = path.join(imageRoot, 'blobs', 'sha256');
  const layers = path.join(imageRoot, 'layers');
  const staging = path.join(imageRoot, 'staging');
  const containers = path.join(root, 'containers');
  const mounts = path.join(runRoot, 'mounts');
  const mapped = path.join(runRoot, 'mapped');
  const mappedOf = (id: string): string => path.join(mapped, safeId(id));
  const volumes = path.join(runRoot, 'volumes');
  return {
    blobs,
    layers,
    staging,
    containers,
    mounts,
    mapped,
    volumes,
    damaged: path.join(imageRoot, 'damaged'),
    empty: path.join(imageRoot, 'empty'),
    blob: (digest) => path.join(blobs, digestHex(digest, 'find a blob')),
    layer: (chainId) => path.join(layers, digestHex(chainId, 'find a layer')),
    newStaging: () => path.join(staging, newId().slice(0, 16)),
    newAside: (name) => asidePath(imageRoot, name),
    container: (id) => path.join(containers, safeId(id)),
    mount: (id) => path.join(mounts, safeId(id)),
    mappedOf,
    mappedMount: (id) => path.join(mappedOf(id), 'root'),
    volumesOf: (id) => path.join(volumes, safeId(id)),
  };
}

/** An id that is one plain component of a path. */
function safeId(id: string): string {
  if (/^[0-9A-Za-z][0-9A-Za-z_.-]{0,127}$/.test(id)) return id;
  throw new BerthError('argument-invalid', { op: 'find a container', object: id.slice(0, 100), detail: 'not an id' });
}
