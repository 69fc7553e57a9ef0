import type { Value } from './message';
import type { Field } from './schema';

/** A value that a field should not have, by a name for people. Undefined: the field is left out. */
export interface Hostile {
  readonly name: string;
  readonly value: Value | undefined;
}

const megabyte = 1024 * 1024;
const many = 10_000;

const texts: readonly Hostile[] = [
  { name: 'left out', value: undefined },
  { name: 'blank', value: ' ' },
  { name: 'a megabyte', value: 'a'.repeat(megabyte) },
  { name: 'a NUL', value: 'nul\0byte' },
  { name: 'a line break', value: 'line\nbreak: x' },
  { name: 'dots', value: '../..' },
  { name: 'the root', value: '/' },
  { name: 'no UTF-8', value: Uint8Array.of(0x61, 0xff, 0xfe, 0xc0, 0x80, 0x62) },
  { name: 'unicode', value: 'ü\u202e\u0000\ud83e\udd80'.replace('\0', '') },
  { name: 'an option', value: '--help' },
  { name: 'for a shell', value: '$(id)`id`;"\'\\%s%n=,' },
];

/** Paths that a request names on the node: absolute, below a folder where nothing is lost. */
function nodePaths(folder: string): readonly Hostile[] {
  return [
    { name: 'a long name', value: `${folder}/${'n'.repeat(300)}` },
    { name: 'a deep path', value: `${folder}${'/d'.repeat(3000)}` },
    { name: 'a path with a NUL', value: `${folder}/a\0b` },
    { name: 'a path with a line break', value: `${folder}/a\nb` },
    { name: 'a path through dots', value: `${folder}/x/../../../../proc/self/nothing` },
    { name: 'below a file', value: '/etc/hostname/below' },
    { name: 'in proc', value: '/proc/nothing/here' },
  ];
}

/** Paths inside of a container. */
const innerPaths: readonly Hostile[] = [
  { name: 'a long name', value: `/${'n'.repeat(300)}` },
  { name: 'a deep path', value: '/d'.repeat(3000) },
  { name: 'through dots', value: '/../../../tmp/../etc' },
  { name: 'below a file', value: '/etc/passwd/below' },
  { name: 'a file', value: '/etc/passwd' },
  { name: 'in proc', value: '/proc/nothing/here' },
  { name: 'in sys', value: '/sys/nothing' },
  { name: 'a NUL after a slash', value: '/a\0b' },
];

/** Names of fields whose text is a path of the node, and whose is one in the container. */
const onNode = new Set(['host_path', 'log_directory', 'location', 'localhost_ref', 'seccomp_profile_path']);
const inside = new Set([
  'container_path',
  'working_dir',
  'masked_paths',
  'readonly_paths',
  'image_sub_path',
  'log_path',
]);
/** What the root of the node itself would be given away by: asked for by name, elsewhere. */
const neverRoot = new Set(['host_path']);

function textsFor(field: Field, folder: string): readonly Hostile[] {
  const own = neverRoot.has(field.name) ? texts.filter(({ value }) => value !== '/') : texts;
  if (onNode.has(field.name)) return [...own, ...nodePaths(folder)];
  return inside.has(field.name) ? [...own, ...innerPaths] : own;
}

const integers = ({ bits, signed }: { readonly bits: 32 | 64; readonly signed: boolean }): readonly Hostile[] => {
  const top = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  const values = [
    ...(signed ? [-top - 1n, -1n] : []),
    0n,
    1n,
    65_536n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n + 1n,
    top,
    2n ** 64n - 1n,
  ];
  return [...new Set(values)].map((value) => ({ name: `${value}`, value }));
};

const entry = (key: Value, value: Value): Value => ({ key, value });

const maps: readonly Hostile[] = [
  { name: 'an empty key', value: [entry('', 'x')] },
  { name: 'an empty entry', value: [{}] },
  { name: `${many} entries`, value: Array.from({ length: many }, (_, index) => entry(`key-${index}`, 'x')) },
  { name: 'a key of a megabyte', value: [entry('k'.repeat(megabyte), 'x')] },
  { name: 'a value of a megabyte', value: [entry('key', 'v'.repeat(megabyte))] },
  { name: 'names of a prototype', value: ['__proto__', 'constructor', 'toString'].map((key) => entry(key, 'x')) },
  { name: 'a key twice', value: [entry('twice', 'a'), entry('twice', 'b')] },
  { name: 'NUL and line break', value: [entry('a\0b', 'c\0d'), entry('a\nb', 'c\nd')] },
  { name: 'dots and slashes', value: [entry('../../x', '/'), entry('/', '../..')] },
  { name: 'no UTF-8', value: [entry(Uint8Array.of(0xff), Uint8Array.of(0xfe, 0x80))] },
];

/** All that a field is tried with; `now` is what a valid request has there. Paths on the node are below the folder. */
export function hostileValues(field: Field, now: Value | undefined, folder: string): readonly Hostile[] {
  const single = singleValues(field, folder);
  if (field.type.kind === 'map') return [{ name: 'left out', value: undefined }, ...maps];
  if (!field.repeated) return single;
  const first = Array.isArray(now) ? (now[0] as Value | undefined) : undefined;
  const usual: Value = first ?? usualElement(field);
  return [
    { name: 'left out', value: undefined },
    { name: `${many} times the same`, value: Array.from({ length: many }, () => usual) },
    { name: 'twice the same', value: [usual, usual] },
    ...single.flatMap(({ name, value }) =>
      value === undefined ? [] : [{ name: `one that is ${name}`, value: [value] }],
    ),
  ];
}

function singleValues({ type, ...field }: Field, folder: string): readonly Hostile[] {
  switch (type.kind) {
    case 'text':
      return textsFor({ type, ...field }, folder);
    case 'bytes':
      return [
        { name: 'left out', value: undefined },
        { name: 'a NUL', value: Uint8Array.of(0x61, 0, 0x62) },
        { name: 'no UTF-8', value: Uint8Array.of(0xff, 0xfe) },
        { name: 'a megabyte', value: new Uint8Array(megabyte).fill(0x61) },
      ];
    case 'bool':
      return [0n, 1n, 2n, 2n ** 64n - 1n].map((value) => ({ name: `${value}`, value }));
    case 'integer':
      return integers(type);
    case 'enum':
      return [-(2n ** 31n), -1n, BigInt(type.highest) + 1n, 2n ** 31n - 1n, ...allOf(type.highest)].map((value) => ({
        name: `${value}`,
        value,
      }));
    case 'message':
      return [
        { name: 'left out', value: undefined },
        { name: 'an empty message', value: {} },
      ];
    case 'map':
      return maps;
  }
}

/** Every value of a small enum: each is valid, and not everywhere. */
const allOf = (highest: number): readonly bigint[] =>
  highest > 8 ? [] : Array.from({ length: highest + 1 }, (_, value) => BigInt(value));

function usualElement({ type }: Field): Value {
  switch (type.kind) {
    case 'text':
      return 'usual';
    case 'bytes':
      return Uint8Array.of(0x61);
    case 'bool':
    case 'integer':
    case 'enum':
      return 1n;
    case 'message':
    case 'map':
      return {};
  }
}
