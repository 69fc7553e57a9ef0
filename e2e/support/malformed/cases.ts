import { seededRandom } from '../random';
import type { World } from '../world';
import { allContradictions, type Contradiction } from './contradictions';
import { anyGarbage, wrongKinds } from './garbage';
import { encode, show, valueAt, withValue, type Message, type Path } from './message';
import { validRequest } from './requests';
import { fieldsOf, type Field, type Rpc, type Schema } from './schema';
import type { Standing } from './standing';
import { hostileValues, type Hostile } from './values';

/** One request to send, made when it is its turn: what it is about may have changed by then. */
export interface Case {
  readonly rpc: Rpc;
  /** What is wrong with it. */
  readonly name: string;
  readonly kind: 'field' | 'fields' | 'contradiction' | 'garbage';
  readonly answer: Contradiction['answer'];
  readonly start: boolean;
  readonly make: (world: World, standing: Standing) => { readonly bytes: Uint8Array; readonly shown: string };
}

interface Spoilt {
  readonly path: Path;
  readonly field: Field;
}

/** Fields that only say how a node of Windows does it, or that are known not to be looked at: tried with less. */
const barely = (path: Path): boolean => path.includes('windows') || path.includes('sandbox_config');

/** What a field of a process's is shows only when it starts. */
const startsWith = new Set([
  'command',
  'args',
  'working_dir',
  'envs',
  'run_as_user',
  'run_as_username',
  'run_as_group',
]);

/** Every request of this seed, in an order of its own: contradictions, each value of each field, and garbage. */
export function casesOf(schema: Schema, standing: Standing, seed: number, total: number): readonly Case[] {
  const random = seededRandom(seed);
  const known = [...contradictionCases(schema, standing), ...fieldCases(schema, standing), ...kindCases(schema, seed)];
  const more = Array.from({ length: Math.max(0, total - known.length) }, (_, index) =>
    index % 2 === 0
      ? severalFields(schema, standing, seed * 1_000_003 + index)
      : garbageCase(schema, seed * 1_000_003 + index),
  );
  return shuffled([...known, ...more], random).slice(0, total);
}

function contradictionCases(schema: Schema, standing: Standing): readonly Case[] {
  const names = (from: Standing) => allContradictions(from).map(({ rpc, name }) => `${rpc}: ${name}`);
  return allContradictions(standing).map(({ rpc: name, name: what, answer, start = false }, index) => {
    const rpc = rpcOf(schema, name);
    return {
      rpc,
      name: what,
      kind: 'contradiction',
      answer,
      start,
      make: (world, now) => {
        const same = allContradictions(now)[index];
        if (same === undefined || names(now)[index] !== `${name}: ${what}`)
          throw new Error('contradictions have an order');
        const valid = validRequest(schema, name, world, now);
        return finished(
          schema,
          rpc,
          same.sets.reduce((held, [path, value]) => withValue(schema, rpc.input, held, path, value), valid),
        );
      },
    };
  });
}

function fieldCases(schema: Schema, standing: Standing): readonly Case[] {
  return schema.rpcs.flatMap((rpc) =>
    pathsOf(schema, rpc.input).flatMap((spoilt) => {
      const values = valuesOf(spoilt, undefined, standing);
      const some = barely(spoilt.path) ? values.slice(-2) : values;
      return some.map(({ name: valueName }) => fieldCase(schema, rpc, spoilt, valueName));
    }),
  );
}

function fieldCase(schema: Schema, rpc: Rpc, spoilt: Spoilt, valueName: string): Case {
  return {
    rpc,
    name: `${spoilt.path.join('.')}: ${valueName}`,
    kind: 'field',
    answer: 'either',
    start: spoilt.path.some((part) => startsWith.has(part)),
    make: (world, now) => {
      const valid = validRequest(schema, rpc.name, world, now);
      const hostile = valuesOf(spoilt, valid, now).find(({ name }) => name === valueName);
      return finished(schema, rpc, withValue(schema, rpc.input, valid, spoilt.path, hostile?.value));
    },
  };
}

/** From two to five fields of one request. */
function severalFields(schema: Schema, standing: Standing, seed: number): Case {
  const random = seededRandom(seed);
  const rpc = drawn(
    schema.rpcs.flatMap((each) => Array.from({ length: weight(schema, each) }, () => each)),
    random,
  );
  const paths = pathsOf(schema, rpc.input).filter(({ path }) => !barely(path));
  const spoilt = Array.from({ length: 2 + Math.floor(random() * 4) }, () => drawn(paths, random));
  const names = spoilt.map((each) => drawn(valuesOf(each, undefined, standing), random).name);
  return {
    rpc,
    name: spoilt.map(({ path }, index) => `${path.join('.')}: ${names[index]}`).join('; '),
    kind: 'fields',
    answer: 'either',
    start: false,
    make: (world, now) => {
      const valid = validRequest(schema, rpc.name, world, now);
      const message = spoilt.reduce((held, each, index) => {
        const hostile = valuesOf(each, valid, now).find(({ name }) => name === names[index]);
        // What an earlier one has made a list of thousands is left as it is.
        return withValue(schema, rpc.input, held, each.path, hostile?.value);
      }, valid);
      return finished(schema, rpc, message);
    },
  };
}

function kindCases(schema: Schema, seed: number): readonly Case[] {
  return schema.rpcs.flatMap((rpc) =>
    [...anyGarbage, ...wrongKinds(schema, rpc.input)].map((garbage, index) =>
      spoiltBytes(schema, rpc, garbage, seed + index),
    ),
  );
}

function garbageCase(schema: Schema, seed: number): Case {
  const random = seededRandom(seed);
  const rpc = drawn(schema.rpcs, random);
  return spoiltBytes(schema, rpc, drawn(anyGarbage, random), seed);
}

function spoiltBytes(schema: Schema, rpc: Rpc, garbage: (typeof anyGarbage)[number], seed: number): Case {
  return {
    rpc,
    name: garbage.name,
    kind: 'garbage',
    answer: 'either',
    start: false,
    make: (world, now) => {
      // Turned bits must not name other places of the node.
      const bare = [
        'config.log_directory',
        'config.linux.cgroup_parent',
        'config.mounts',
        'config.devices',
        'location',
      ];
      const message = bare.reduce(
        (held, path) => without(schema, rpc.input, held, path),
        validRequest(schema, rpc.name, world, now),
      );
      const bytes = garbage.spoil(encode(schema, rpc.input, message), seededRandom(seed));
      return { bytes, shown: `${Buffer.from(bytes.subarray(0, 400)).toString('hex')} (${bytes.length} bytes)` };
    },
  };
}

function without(schema: Schema, input: string, message: Message, path: string): Message {
  const parts = path.split('.');
  return valueAt(message, parts) === undefined ? message : withValue(schema, input, message, parts, undefined);
}

function finished(schema: Schema, rpc: Rpc, message: Message): ReturnType<Case['make']> {
  return { bytes: encode(schema, rpc.input, message), shown: show(message) };
}

/** Every field that the request can hold, and those of the messages in it. */
function pathsOf(schema: Schema, message: string, before: Path = []): readonly Spoilt[] {
  return fieldsOf(schema, message).flatMap((field) => {
    const path = [...before, field.name];
    const held = field.type.kind === 'message' ? pathsOf(schema, field.type.message, path) : [];
    return [{ path, field }, ...held];
  });
}

function valuesOf({ path, field }: Spoilt, valid: Message | undefined, { folder }: Standing): readonly Hostile[] {
  return hostileValues(field, valid && valueAt(valid, path), folder);
}

/** More of those that say more: their fields, up to a dozen. */
const weight = (schema: Schema, { input }: Rpc): number => Math.min(12, pathsOf(schema, input).length);

function rpcOf(schema: Schema, name: string): Rpc {
  const rpc = schema.rpcs.find((each) => each.name === name);
  if (rpc === undefined) throw new Error(`CRI has no ${name}`);
  return rpc;
}

function drawn<T>(list: readonly T[], random: () => number): T {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new Error('nothing to draw from');
  return item;
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
