import type { Entry } from './archive';

/** What every checkpoint has of CRIU's images and the runtime's spec, as far as a create looks at it. */
export const checkpointParts: readonly Entry[] = [
  { name: 'checkpoint/', type: 'directory' },
  { name: 'checkpoint/inventory.img', body: 'x' },
  { name: 'checkpoint/pstree.img', body: 'x' },
  { name: 'checkpoint/descriptors.json', body: '["/dev/null","pipe:[1]","pipe:[2]"]' },
  { name: 'spec.dump', body: JSON.stringify({ process: { args: ['sh'] } }) },
];

/** Names the image that the container ran from. */
export const checkpointOf = (image: string): Entry => ({
  name: 'config.dump',
  body: JSON.stringify({ rootfsImageName: image }),
});
