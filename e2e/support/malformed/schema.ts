import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { descriptorSchema } from '../../../test/wire/descriptors';

/** A field of a message, as proto/ has it. */
export interface Field {
  readonly name: string;
  readonly number: number;
  readonly repeated: boolean;
  readonly type: FieldType;
}

export type FieldType =
  | { readonly kind: 'text' | 'bytes' | 'bool' }
  /** On the wire all of them are varints. */
  | { readonly kind: 'integer'; readonly bits: 32 | 64; readonly signed: boolean }
  | { readonly kind: 'enum'; readonly highest: number }
  /** A map is a list of entries: messages of `key` and `value`. */
  | { readonly kind: 'message' | 'map'; readonly message: string };

export interface Rpc {
  readonly service: 'RuntimeService' | 'ImageService';
  readonly name: string;
  /** `/runtime.v1.RuntimeService/Version`. */
  readonly path: string;
  /** Name of the request's message. */
  readonly input: string;
  readonly streams: boolean;
}

/** CRI as proto/ has it: every RPC, and the fields of every message by its name. */
export interface Schema {
  readonly rpcs: readonly Rpc[];
  readonly messages: ReadonlyMap<string, readonly Field[]>;
}

const packageName = 'runtime.v1';
const repository = join(__dirname, '../../..');

/** The one message for the entries of all maps: every map of CRI is one from text to text. */
export const mapEntry = 'MapEntry';
const entryFields: readonly Field[] = ['key', 'value'].map((name, index) => ({
  name,
  number: index + 1,
  repeated: false,
  type: { kind: 'text' },
}));

/** Reads proto/ by way of its compiler. */
export function readSchema(): Schema {
  const buf = join(repository, 'node_modules/.bin/buf');
  const json = execFileSync(buf, ['build', 'proto', '-o', '-#format=json'], { cwd: repository, maxBuffer: 1 << 26 });
  const files = descriptorSchema.parse(JSON.parse(json.toString())).file.filter((file) => file.package === packageName);
  const short = (name = '') => name.replace(`.${packageName}.`, '');
  const messages = files.flatMap((file) => file.messageType);
  const enums = new Map([
    ...files.flatMap((file) => file.enumType).map((each) => [each.name, each] as const),
    ...messages.flatMap(({ name, enumType }) => enumType.map((each) => [`${name}.${each.name}`, each] as const)),
  ]);
  const maps = new Set(messages.flatMap(({ name, nestedType }) => nestedType.map((entry) => `${name}.${entry.name}`)));

  const typeOf = ({ type, typeName }: (typeof messages)[number]['field'][number]): FieldType => {
    const name = short(typeName);
    switch (type) {
      case 'TYPE_STRING':
        return { kind: 'text' };
      case 'TYPE_BYTES':
        return { kind: 'bytes' };
      case 'TYPE_BOOL':
        return { kind: 'bool' };
      case 'TYPE_INT32':
      case 'TYPE_UINT32':
      case 'TYPE_INT64':
      case 'TYPE_UINT64':
        return { kind: 'integer', bits: type.endsWith('64') ? 64 : 32, signed: !type.includes('UINT') };
      case 'TYPE_ENUM':
        return { kind: 'enum', highest: Math.max(...(enums.get(name)?.value ?? []).map(({ number }) => number)) };
      case 'TYPE_MESSAGE':
        return maps.has(name) ? { kind: 'map', message: mapEntry } : { kind: 'message', message: name };
      default:
        throw new Error(`a request has a field of ${type}, which this generator does not know`);
    }
  };
  const inputs = new Map<string, readonly Field[]>([[mapEntry, entryFields]]);
  const reach = (name: string): void => {
    if (inputs.has(name)) return;
    const fields = (messages.find((message) => message.name === name)?.field ?? []).map((field) => ({
      name: field.name,
      number: field.number,
      repeated: field.label === 'LABEL_REPEATED',
      type: typeOf(field),
    }));
    inputs.set(name, fields);
    for (const { type } of fields) if (type.kind === 'message') reach(type.message);
  };
  const rpcs = (['RuntimeService', 'ImageService'] as const).flatMap((service) =>
    files
      .flatMap((file) => file.service)
      .filter(({ name }) => name === service)
      .flatMap(({ method }) =>
        method.map(({ name, inputType, serverStreaming }) => ({
          service,
          name,
          path: `/${packageName}.${service}/${name}`,
          input: short(inputType),
          streams: serverStreaming,
        })),
      ),
  );
  for (const { input } of rpcs) reach(input);
  return { rpcs, messages: inputs };
}

/** The fields of a message that requests hold. */
export function fieldsOf(schema: Schema, message: string): readonly Field[] {
  const fields = schema.messages.get(message);
  if (fields === undefined) throw new Error(`no request holds a message ${message}`);
  return fields;
}
