import { z } from 'zod';
import { BerthError, messageOf } from '../../base';
import { chooseVersion, newestVersion } from './versions';

/** Node and cluster agents write what they like into a plugin's configuration: only what berth reads is checked. */
const pluginSchema = z.looseObject({
  type: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a plugin, not a path'),
  capabilities: z.record(z.string(), z.boolean()).optional(),
});

const versionSchema = z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.1.0');

/** libcni takes these as words, too. */
const flagSchema = z
  .union([z.boolean(), z.enum(['true', 'false'])])
  .transform((flag) => flag === true || flag === 'true')
  .optional();

const listSchema = z.looseObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must begin with a letter or digit and hold [A-Za-z0-9_.-]'),
  // What has no version is of the first one (CNI spec 0.1.0).
  cniVersion: z.union([z.literal('').transform(() => undefined), versionSchema]).optional(),
  cniVersions: z.array(versionSchema).optional(),
  disableCheck: flagSchema,
  disableGC: flagSchema,
  loadOnlyInlinedPlugins: flagSchema.refine(
    (inlined) => inlined !== false,
    'is false: berth takes the plugins of the list itself, and none from a folder',
  ),
  plugins: z.array(pluginSchema).min(1),
});

/** A plugin's part of a network, as its file has it. */
export type PluginConf = z.output<typeof pluginSchema>;

/** A network: its plugins run in order at ADD and in reverse at DEL. */
export interface NetworkList {
  readonly name: string;
  readonly cniVersion: string;
  /** Its administrator wants no CHECK, or no GC. */
  readonly disableCheck?: boolean;
  readonly disableGC?: boolean;
  readonly plugins: readonly PluginConf[];
}

/** Parses a .conflist, or a .conf/.json of one plugin, which is wrapped (CNI spec, section 1). */
export function parseNetworkList(text: string, file: string): NetworkList {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('network-config-invalid', { op: 'load the CNI configuration', object: file, detail, cause });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(messageOf(error), error);
  }
  const isList = typeof json === 'object' && json !== null && 'plugins' in json;
  const parsed = listSchema.safeParse(isList ? json : wrap(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const { name, plugins, cniVersion, cniVersions = [], disableCheck, disableGC } = parsed.data;
  const given = [...(cniVersion === undefined ? [] : [cniVersion]), ...cniVersions];
  const version = chooseVersion(given.length > 0 ? given : ['0.1.0']);
  if (!version) throw fail(`cniVersion: none of its versions is at most ${newestVersion}`);
  return {
    name,
    cniVersion: version,
    ...(disableCheck && { disableCheck }),
    ...(disableGC && { disableGC }),
    plugins,
  };
}

/** The list as a pod's record keeps it: DEL needs what ADD was given. */
export function networkListText(list: NetworkList): string {
  return JSON.stringify(list);
}

function wrap(conf: unknown): unknown {
  if (typeof conf !== 'object' || conf === null || !('name' in conf)) return { plugins: [conf] };
  return { name: conf.name, cniVersion: 'cniVersion' in conf ? conf.cniVersion : undefined, plugins: [conf] };
}
