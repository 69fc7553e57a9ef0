import { z } from 'zod';
import { firstIssue } from '../../base';

/** Names, ids and paths in a checkpoint. */
const text = z.string().max(4096);
const number = z.number().int().min(0).max(0xffff_ffff);

const configSchema = z.object({
  rootfsImage: text.default(''),
  rootfsImageRef: text.default(''),
  rootfsImageName: text.default(''),
});

const specSchema = z.object({
  process: z.object({
    terminal: z.boolean().default(false),
    user: z.object({ uid: number.default(0), gid: number.default(0) }).prefault({}),
    args: z.array(z.string()).min(1).max(100_000),
    env: z.array(z.string()).max(100_000).default([]),
    cwd: text.default('/'),
  }),
  mounts: z
    .array(z.object({ destination: text, type: text.nullish(), options: z.array(text).max(1000).nullish() }))
    .max(100_000)
    .default([]),
});

/** Paths below the root; CRI-O writes a slash before them. */
const deletedSchema = z
  .array(text.regex(/^\/*[^/\0][^\0]*$/, 'must be a path'))
  .max(1_000_000)
  .nullable();

/** What the container had as stdin, stdout and stderr. More of them would be descriptors of the runtime's own. */
const descriptorsSchema = z.tuple([text, text, text]);

/** `config.dump`: the image that the container ran from. */
export type ConfigDump = z.infer<typeof configSchema>;
/** `spec.dump`: the part of the runtime spec that a restore needs. */
export type SpecDump = z.infer<typeof specSchema>;

/** Each gives what the text says, or throws an error that says where it does not fit. */
export const parseConfigDump = (json: string): ConfigDump => parse(json, configSchema);
export const parseSpecDump = (json: string): SpecDump => parse(json, specSchema);
export const parseDescriptors = (json: string): readonly string[] => parse(json, descriptorsSchema);
/** `deleted.files`, without slashes before and behind. */
export const parseDeleted = (json: string): readonly string[] =>
  (parse(json, deletedSchema) ?? []).map((path) => path.replace(/^\/+|\/+$/g, ''));

function parse<T>(json: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(JSON.parse(json));
  if (!parsed.success) throw new Error(firstIssue(parsed.error));
  return parsed.data;
}
