import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Schema } from './schema';
import { fieldsOf } from './schema';

/** Bytes that are no request any more, by a name for people. */
export interface Garbage {
  readonly name: string;
  readonly spoil: (bytes: Uint8Array, random: () => number) => Uint8Array;
}

const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);
const below = (random: () => number, limit: number): number => Math.floor(random() * limit);

/** A field that no message of CRI has. */
const unknownField = 7777;
const field = (write: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
};

/** Groups within groups, as many as wanted, closed or not. */
const groups = (depth: number, closed: boolean): Uint8Array =>
  field((writer) => {
    for (let level = 0; level < depth; level++) writer.tag(unknownField, WireType.StartGroup);
    if (closed) for (let level = 0; level < depth; level++) writer.tag(unknownField, WireType.EndGroup);
  });

/** What can be done to the bytes of any request. */
export const anyGarbage: readonly Garbage[] = [
  { name: 'cut off', spoil: (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)) },
  { name: 'twice', spoil: (bytes) => join(bytes, bytes) },
  {
    name: 'bits turned',
    spoil: (bytes, random) => {
      const turned = Uint8Array.from(bytes);
      for (let count = 1 + below(random, 8); count > 0 && turned.length > 0; count--) {
        const place = below(random, turned.length);
        turned[place] = (turned[place] ?? 0) ^ (1 << below(random, 8));
      }
      return turned;
    },
  },
  {
    name: 'bytes of no kind',
    spoil: (_bytes, random) => Uint8Array.from({ length: below(random, 400) }, () => below(random, 256)),
  },
  {
    name: 'bytes put in',
    spoil: (bytes, random) => {
      const place = below(random, bytes.length + 1);
      const more = Uint8Array.from({ length: 1 + below(random, 20) }, () => below(random, 256));
      return join(bytes.subarray(0, place), more, bytes.subarray(place));
    },
  },
  {
    name: 'an unknown field',
    spoil: (bytes) =>
      join(
        bytes,
        field((writer) => writer.tag(unknownField, 2).string('x')),
      ),
  },
  {
    name: 'an unknown field of a megabyte',
    spoil: (bytes) =>
      join(
        bytes,
        field((writer) => writer.tag(unknownField, 2).bytes(new Uint8Array(1 << 20))),
      ),
  },
  { name: 'a field without a number', spoil: (bytes) => join(bytes, Uint8Array.of(0, 1)) },
  { name: 'a kind of field that there is not', spoil: (bytes) => join(bytes, Uint8Array.of(0x0e, 1)) },
  { name: 'a number without an end', spoil: (bytes) => join(bytes, new Uint8Array(30).fill(0xff)) },
  { name: 'a length beyond the end', spoil: (bytes) => join(bytes, Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x7f)) },
  {
    name: 'a length beyond 2^63',
    spoil: (bytes) => join(bytes, Uint8Array.of(0x0a), new Uint8Array(9).fill(0xff), Uint8Array.of(1)),
  },
  { name: 'a group that is not closed', spoil: (bytes) => join(bytes, groups(1, false)) },
  {
    name: 'a group that is not open',
    spoil: (bytes) =>
      join(
        bytes,
        field((writer) => writer.tag(unknownField, WireType.EndGroup)),
      ),
  },
  { name: 'deep groups', spoil: (bytes) => join(bytes, groups(50_000, true)) },
  { name: 'deep groups that are not closed', spoil: (bytes) => join(bytes, groups(50_000, false)) },
];

/** Each field of a request as another kind than it is. */
export function wrongKinds(schema: Schema, input: string): readonly Garbage[] {
  return fieldsOf(schema, input).flatMap(({ name, number, type }) => {
    const held = type.kind === 'integer' || type.kind === 'bool' || type.kind === 'enum';
    const kinds: readonly (readonly [string, Uint8Array])[] = [
      held
        ? ['bytes', field((writer) => writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array(9).fill(0xff)))]
        : ['a number', field((writer) => writer.tag(number, WireType.Varint).uint64(2n ** 64n - 1n))],
      ['eight bytes', field((writer) => writer.tag(number, WireType.Bit64).fixed64(1n))],
      ['four bytes', field((writer) => writer.tag(number, WireType.Bit32).fixed32(1))],
      ['a group', field((writer) => writer.tag(number, WireType.StartGroup).tag(number, WireType.EndGroup))],
      ...(type.kind === 'message' || type.kind === 'map'
        ? [
            [
              'a message of no kind',
              field((writer) => writer.tag(number, WireType.LengthDelimited).string('\u0007garbage')),
            ] as const,
          ]
        : []),
    ];
    return kinds.map(([kind, bytes]) => ({
      name: `${name} as ${kind}`,
      spoil: (before: Uint8Array) => join(before, bytes),
    }));
  });
}
