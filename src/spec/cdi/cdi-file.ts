import { z } from 'zod';
import { BerthError, firstIssue, messageOf } from '../../base';
import { stages } from '../oci';

const absolutePath = z.string().regex(/^\/[^\0]*$/, 'must be an absolute path');
const assignment = z.string().regex(/^[^=\0]+=[^\0]*$/, 'must be NAME=value');
const id = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

const deviceNode = z.strictObject({
  path: absolutePath,
  hostPath: absolutePath.optional(),
  type: z.enum(['b', 'c', 'u', 'p']).optional(),
  major: z.number().int().min(0).optional(),
  minor: z.number().int().min(0).optional(),
  fileMode: z.number().int().min(0).max(0o7777).optional(),
  permissions: z
    .string()
    .regex(/^[rwm]{0,3}$/, 'must be of r, w and m')
    .optional(),
  uid: id.optional(),
  gid: id.optional(),
});

const mount = z.strictObject({
  hostPath: z.string().min(1),
  containerPath: absolutePath,
  type: z.string().optional(),
  options: z.array(z.string()).optional(),
});

const hook = z.strictObject({
  hookName: z.enum(stages),
  path: absolutePath,
  args: z.array(z.string()).optional(),
  env: z.array(assignment).optional(),
  timeout: z.number().int().min(0).optional(),
});

const intelRdt = z.strictObject({
  closID: z
    .string()
    .regex(/^(?!\.{1,2}$)[^/\n\0]{0,4095}$/, 'must be a name')
    .optional(),
  l3CacheSchema: z.string().optional(),
  memBwSchema: z.string().optional(),
  enableCMT: z.boolean().optional(),
  enableMBM: z.boolean().optional(),
});

const edits = z.strictObject({
  env: z.array(assignment).optional(),
  deviceNodes: z.array(deviceNode).optional(),
  mounts: z.array(mount).optional(),
  hooks: z.array(hook).optional(),
  additionalGids: z.array(id).optional(),
  intelRdt: intelRdt.optional(),
});

const annotations = z.record(z.string(), z.string()).optional();

/** Vendors are domain names, classes and devices words (CDI specification, "Kind" and "Device name"). */
const kind = z.string().regex(/^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z]([\w-]*[A-Za-z0-9])?$/, 'must be vendor/class');
const deviceName = z.string().regex(/^[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/, 'must be a word');

const versions = ['0.3.0', '0.4.0', '0.5.0', '0.6.0', '0.7.0', '0.8.0', '1.0.0', '1.1.0'] as const;

const schema = z.strictObject({
  cdiVersion: z.enum(versions, `must be one of ${versions.join(', ')}`),
  kind,
  annotations,
  devices: z.array(z.strictObject({ name: deviceName, annotations, containerEdits: edits })).min(1),
  containerEdits: edits.optional(),
});

/** What a device asks of the container that gets it (CDI ContainerEdits). */
export type CdiEdits = z.output<typeof edits>;

/** A device node as a CDI spec has it: what is missing is the host's. */
export type CdiDeviceNode = z.output<typeof deviceNode>;

/** One CDI specification. */
export interface CdiFile {
  readonly name: string;
  /** Edits of every container that gets one of its devices. */
  readonly edits: CdiEdits;
  /** By qualified name, `vendor.com/class=name`. */
  readonly devices: ReadonlyMap<string, CdiEdits>;
}

/**
 * Reads one CDI specification; JSON is YAML too.
 * @throws `cdi-invalid`, naming file and key.
 */
export async function parseCdiFile(name: string, text: string): Promise<CdiFile> {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('cdi-invalid', { op: 'read the CDI spec', object: name, detail, cause });
  let said: unknown;
  try {
    said = name.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (error) {
    throw fail(messageOf(error), error);
  }
  const parsed = schema.safeParse(said);
  if (!parsed.success) throw fail(firstIssue(parsed.error));
  const { kind: of, devices, containerEdits = {} } = parsed.data;
  const named = new Map(devices.map((device) => [`${of}=${device.name}`, device.containerEdits] as const));
  if (named.size < devices.length) throw fail('devices: a name is there twice');
  return { name, edits: containerEdits, devices: named };
}
