import { z } from 'zod';
import { BerthError, firstIssue, messageOf } from '../../base';
import { stages, type Hook, type Stage } from '../oci';

/** What an OCI hook's file is matched with (hooks.d, schema 1.0.0). */
export interface HookSubject {
  readonly annotations: Readonly<Record<string, string>>;
  /** The container's program, args[0]. */
  readonly command: string;
  /** Whether anything is mounted that the image and the runtime do not bring. */
  readonly hasBindMounts: boolean;
}

/** A hook that an administrator has put on this node: which containers it is for, and when in their lives it runs. */
export interface HookFile {
  readonly name: string;
  readonly hook: Hook;
  readonly stages: readonly Stage[];
  matches(subject: HookSubject): boolean;
}

const schema = z.strictObject({
  version: z.literal('1.0.0', 'only version 1.0.0 is known'),
  hook: z.strictObject({
    path: z.string().regex(/^\//, 'must be an absolute path'),
    args: z.array(z.string()).optional(),
    env: z.array(z.string().regex(/^[^=\0]+=/, 'must be NAME=value')).optional(),
    timeout: z.number().int().min(1).optional(),
  }),
  when: z.strictObject({
    always: z.boolean().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    commands: z.array(z.string()).optional(),
    hasBindMounts: z.boolean().optional(),
  }),
  stages: z.array(z.enum(stages)).min(1),
});

type When = z.output<typeof schema>['when'];
type Condition = (subject: HookSubject) => boolean;

/**
 * Reads one file of hooks.d. All conditions of `when` have to hold, and there has to be one.
 * @throws `hook-invalid`, naming file and key.
 */
export async function parseHookFile(name: string, text: string): Promise<HookFile> {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('hook-invalid', { op: 'read the OCI hook', object: name, detail, cause });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`not JSON: ${messageOf(error)}`, error);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw fail(firstIssue(parsed.error));
  const { hook, when, stages: at } = parsed.data;
  try {
    const conditions = await conditionsOf(when);
    return {
      name,
      hook,
      stages: at,
      matches: (subject) => conditions.length > 0 && conditions.every((holds) => holds(subject)),
    };
  } catch (error) {
    throw fail(`when: ${messageOf(error)}`, error);
  }
}

async function conditionsOf({ always, annotations, commands, hasBindMounts }: When): Promise<readonly Condition[]> {
  const conditions: Condition[] = [];
  if (always !== undefined) conditions.push(() => always);
  if (hasBindMounts !== undefined) conditions.push((subject) => subject.hasBindMounts === hasBindMounts);
  if (annotations === undefined && commands === undefined) return conditions;
  const { RE2JS } = await import('re2js');
  const pattern = (text: string) => {
    const compiled = RE2JS.compile(text);
    return (value: string): boolean => compiled.matcher(value).find();
  };
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const [ofKey, ofValue] = [pattern(key), pattern(value)];
    conditions.push((subject) =>
      Object.entries(subject.annotations).some(([name, said]) => ofKey(name) && ofValue(said)),
    );
  }
  if (commands !== undefined) {
    const patterns = commands.map(pattern);
    conditions.push(({ command }) => patterns.some((matches) => matches(command)));
  }
  return conditions;
}
