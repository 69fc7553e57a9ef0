import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { fieldsOf, type Field, type Schema } from './schema';

/**
 * A request as a tree by the names of proto/, which can hold what generated code refuses: integers out of range, texts that
 * are no UTF-8, entries of maps twice.
 */
export interface Message {
  readonly [field: string]: Value;
}
export type Value = Leaf | Message | readonly Value[];
/** Integers, booleans and enums are bigints: 64 bits of a varint. A text may be given as bytes. */
export type Leaf = string | bigint | Uint8Array;

/** The bytes of a message, its fields in the order of the schema. */
export function encode(schema: Schema, name: string, message: Message): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fieldsOf(schema, name)) {
    const value = message[field.name];
    if (value === undefined) continue;
    for (const each of isList(value) ? value : [value]) write(schema, writer, field, each);
  }
  return writer.finish();
}

function write(schema: Schema, writer: BinaryWriter, { number, type }: Field, value: Value): void {
  if (typeof value === 'bigint') {
    writer.tag(number, WireType.Varint).uint64(BigInt.asUintN(64, value));
    return;
  }
  writer.tag(number, WireType.LengthDelimited);
  if (typeof value === 'string') writer.string(value);
  else if (value instanceof Uint8Array) writer.bytes(value);
  else if ((type.kind === 'message' || type.kind === 'map') && !isList(value))
    writer.bytes(encode(schema, type.message, value));
  else throw new Error(`field ${number} cannot hold ${typeof value}`);
}

/** The tree of a message that generated code has encoded. */
export function decode(schema: Schema, name: string, bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes);
  const message: Record<string, Value> = {};
  const fields = fieldsOf(schema, name);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields.find((each) => each.number === number);
    if (field === undefined) throw new Error(`${name} has no field ${number}`);
    const read = (): Value => {
      if (wireType === WireType.Varint) return BigInt(reader.uint64());
      const { type } = field;
      if (type.kind === 'text') return reader.string();
      const held = reader.bytes();
      return type.kind === 'message' || type.kind === 'map' ? decode(schema, type.message, held) : held;
    };
    // A list of integers comes packed: their field's bytes hold one after the other.
    if (field.repeated && wireType === WireType.LengthDelimited && field.type.kind === 'integer') {
      const packed = new BinaryReader(reader.bytes());
      const list: Value[] = [];
      while (packed.pos < packed.len) list.push(BigInt(packed.uint64()));
      message[field.name] = list;
    } else if (field.repeated) {
      const before = message[field.name];
      message[field.name] = [...(before !== undefined && isList(before) ? before : []), read()];
    } else {
      message[field.name] = read();
    }
  }
  return message;
}

/** Where a field is: names from the request down; in a list its first element is meant. */
export type Path = readonly string[];

/** What is at the path. */
export function valueAt(message: Message, [first = '', ...rest]: Path): Value | undefined {
  const value = message[first];
  if (rest.length === 0 || value === undefined) return value;
  const held = isList(value) ? value[0] : value;
  return held !== undefined && isMessage(held) ? valueAt(held, rest) : undefined;
}

/** The message with another value at the path, or without the field; what is missing on the way is made. */
export function withValue(
  schema: Schema,
  name: string,
  message: Message,
  [first = '', ...rest]: Path,
  value: Value | undefined,
): Message {
  if (rest.length === 0) {
    const { [first]: _before, ...others } = message;
    return value === undefined ? others : { ...others, [first]: value };
  }
  const field = fieldsOf(schema, name).find((each) => each.name === first);
  if (field?.type.kind !== 'message') throw new Error(`${name}.${first} holds no message`);
  const held = message[first];
  const list = held !== undefined && isList(held) ? held : undefined;
  const inner = list ? list[0] : held;
  const start = inner !== undefined && isMessage(inner) ? inner : {};
  const changed = withValue(schema, field.type.message, start, rest, value);
  return { ...message, [first]: field.repeated ? [changed, ...(list ?? []).slice(1)] : changed };
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isMessage(value: Value): value is Message {
  return typeof value === 'object' && !isList(value) && !(value instanceof Uint8Array);
}

/** The message for people, cut: in failures. */
export function show(message: Message): string {
  const clipped = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `${value}`;
    if (typeof value === 'string' && value.length > 200) return `${value.slice(0, 100)}… (${value.length} characters)`;
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value.subarray(0, 50)).toString('hex')}`;
    if (Array.isArray(value) && value.length > 20) return `a list of ${value.length}`;
    return value;
  };
  return JSON.stringify(message, clipped).slice(0, 4000);
}
