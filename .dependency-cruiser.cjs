/**
 * The rooms of src/ and what each may import: the table in docs/ARCHITECTURE.md, as rules.
 * A folder that is not in the table may import nothing; a room is entered through its index.ts only;
 * `import type` from wire is allowed everywhere.
 */
const rooms = {
  base: [],
  wire: [],
  config: ['base'],
  kernel: ['base'],
  state: ['base'],
  streaming: ['base'],
  spec: ['base', 'config'],
  storage: ['base', 'kernel', 'state'],
  image: ['base', 'config', 'kernel', 'state', 'storage'],
  runtime: ['base', 'config', 'kernel'],
  pods: ['base', 'config', 'kernel', 'state', 'runtime', 'spec'],
  containers: ['base', 'config', 'kernel', 'state', 'runtime', 'spec', 'storage', 'pods'],
  observe: ['base', 'kernel', 'storage', 'image', 'pods', 'containers'],
  recovery: ['base', 'config', 'kernel', 'state', 'storage', 'image', 'runtime', 'pods', 'containers'],
  engine: [
    'base', 'config', 'kernel', 'state', 'spec', 'storage', 'image', 'runtime', 'pods', 'containers', 'observe', 'recovery',
  ],
  cri: ['base', 'wire', 'config', 'image', 'pods', 'containers', 'observe', 'streaming'],
  daemon: ['base', 'config', 'observe', 'engine', 'streaming', 'cri'],
  cli: ['base', 'config', 'wire', 'streaming', 'engine'],
};

const alternatives = (names) => (names.length ? `(${names.join('|')})` : '(?!)');
const rules = Object.entries(rooms).flatMap(([room, may]) => [
  {
    name: `${room}-imports-only-its-rooms`,
    comment: `${room} may import: ${may.join(', ') || 'no other room'}`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: '^src/', pathNot: [`^src/${room}/`, `^src/${alternatives(may)}/index\\.ts$`, '^src/wire/'] },
  },
  ...(may.includes('wire') || room === 'wire'
    ? []
    : [
        {
          name: `${room}-takes-only-types-from-wire`,
          severity: 'error',
          from: { path: `^src/${room}/` },
          to: { path: '^src/wire/', dependencyTypesNot: ['type-only'] },
        },
      ]),
]);

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'unknown-folders-import-nothing',
      comment: 'A folder that is not in the table has no place in the design yet.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${alternatives(Object.keys(rooms))}/` },
      to: {},
    },
    { name: 'no-circular', severity: 'error', from: { path: '^src/' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '(\\.d\\.ts$|main\\.ts$)' }, to: {} },
    { name: 'nothing-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'src-has-no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'e2e-talks-to-a-socket-only',
      comment: 'The black-box suite may know the wire and the exec client, never the rooms.',
      severity: 'error',
      from: { path: '^e2e/' },
      to: { path: '^src/', pathNot: ['^src/wire/', '^src/streaming/index\\.ts$'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'default', 'import'] },
  },
};
