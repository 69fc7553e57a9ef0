import { checkResources, containerSpec, processSpec, type ImageDefaults } from '../../src/spec';
import { refusalOf, secured, specInput } from './fixture';

describe('args', () => {
  const images = {
    both: { entrypoint: ['entry', 'e1'], cmd: ['c1', 'c2'] },
    entry: { entrypoint: ['entry'], cmd: [] },
    cmd: { entrypoint: [], cmd: ['only'] },
    reset: { entrypoint: [''], cmd: ['only'] },
    none: { entrypoint: [], cmd: [] },
  } satisfies Record<string, Partial<ImageDefaults>>;
  const cases: [string, { command?: string[]; args?: string[] }, keyof typeof images, string[] | undefined][] = [
    ['command and args replace both', { command: ['a', 'b'], args: ['c'] }, 'both', ['a', 'b', 'c']],
    ['command alone drops Cmd', { command: ['a'] }, 'both', ['a']],
    ['args alone replace Cmd', { args: ['x'] }, 'both', ['entry', 'e1', 'x']],
    ['neither takes both', {}, 'both', ['entry', 'e1', 'c1', 'c2']],
    ['only an entrypoint', {}, 'entry', ['entry']],
    ['only a cmd', {}, 'cmd', ['only']],
    ['an entrypoint that was reset', {}, 'reset', ['only']],
    ['args without an entrypoint', { args: ['x'] }, 'none', ['x']],
    ['nothing', {}, 'none', undefined],
    ['an empty first word', { command: ['', 'x'] }, 'both', undefined],
  ];
  test.each(cases)('%s', (_name, config, image, expected) => {
    const make = (): unknown =>
      containerSpec(specInput({ config: { ...config, image: { image: 'busy:1' } }, image: images[image] })).spec.process
        .args;
    if (expected) expect(make()).toEqual(expected);
    else {
      expect(refusalOf(make)).toMatchObject({
        code: 'container-no-command',
        message: expect.stringMatching(/config\.command.*image busy:1/) as string,
      });
    }
  });

  test('what the kernel would not execute is refused: one long text, or many', () => {
    const long = 'x'.repeat(131_072);
    for (const config of [{ args: [long] }, { envs: [{ key: 'K', value: Buffer.from(long) }] }])
      expect(refusalOf(() => containerSpec(specInput({ config })))).toMatchObject({ code: 'argument-invalid' });
    expect(() => containerSpec(specInput({ config: { args: [long.slice(1)] } }))).not.toThrow();
    const many = Array.from({ length: 64 }, () => long.slice(1));
    expect(() => containerSpec(specInput({ config: { args: many } }))).toThrow(
      /arguments and variables have \d+ bytes/,
    );
    const { spec } = containerSpec(specInput({}));
    expect(refusalOf(() => processSpec(spec, { containerId: 'c', cmd: ['true', long], tty: false }))).toMatchObject({
      code: 'argument-invalid',
    });
  });

  test('a NUL byte is refused', () => {
    expect(() => containerSpec(specInput({ config: { command: ['a\0b'] } }))).toThrow(/NUL/);
  });
});

describe('env and cwd', () => {
  test('layers: built-in, configuration, image, CRI; each key once', () => {
    const { spec } = containerSpec(
      specInput({
        defaults: { env: ['A=default', 'PROXY=p'] },
        image: { env: ['A=image', 'B=image=with=equals', 'PATH=/image', 'novalue', '=nokey', 'EMPTY='] },
        config: {
          tty: true,
          envs: [
            { key: 'B', value: Buffer.from('cri') },
            { key: 'HOME', value: Buffer.from('/h') },
          ],
        },
      }),
    );
    expect(spec.process.env).toEqual([
      'PATH=/image',
      'TERM=xterm',
      'HOSTNAME=web',
      'HOME=/h',
      'A=image',
      'PROXY=p',
      'B=cri',
      'EMPTY=',
    ]);
    expect(spec.process.terminal).toBe(true);
  });

  test('without anything: PATH, HOSTNAME, HOME', () => {
    expect(containerSpec(specInput()).spec.process.env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=web',
      'HOME=/root',
    ]);
  });

  test('bytes that are not UTF-8 are replaced and told; a real U+FFFD is not', () => {
    const { spec, notes } = containerSpec(
      specInput({
        config: {
          envs: [
            { key: 'RAW', value: Buffer.from([0x61, 0xff]) },
            { key: 'OK', value: Buffer.from('\ufffd') },
          ],
        },
      }),
    );
    expect(spec.process.env).toEqual(expect.arrayContaining(['RAW=a\ufffd', 'OK=\ufffd']));
    expect(notes).toEqual([expect.stringContaining('env RAW is not UTF-8')]);
  });

  test.each([
    ['', 'v'],
    ['A=B', 'v'],
    ['A', 'v\0w'],
  ])('refuses the pair %j=%j', (key, value) => {
    expect(
      refusalOf(() => containerSpec(specInput({ config: { envs: [{ key, value: Buffer.from(value) }] } }))),
    ).toMatchObject({ code: 'argument-invalid' });
  });

  test.each([
    ['', '', '/'],
    ['', '/image', '/image'],
    ['/cri', '/image', '/cri'],
    ['', 'relative/../dir', '/dir'],
  ])('cwd of %j over %j is %j', (workingDir, imageDir, expected) => {
    expect(containerSpec(specInput({ config: { workingDir }, image: { workingDir: imageDir } })).spec.process.cwd).toBe(
      expected,
    );
  });
});

test('resource limits are those of the configuration, cut to the daemon’s own where it may not raise them', () => {
  const ulimits = [
    { name: 'nofile', soft: 100, hard: 5000 },
    { name: 'core', soft: 0, hard: 0 },
  ];
  const of = (facts: object) => {
    const { spec, notes } = containerSpec(specInput({ defaults: { env: [], ulimits }, facts }));
    return { rlimits: spec.process.rlimits, notes };
  };
  const core = { type: 'RLIMIT_CORE', soft: 0, hard: 0 };
  const asked = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 5000 }, core];
  expect(of({ hardLimits: { nofile: 5000 } })).toEqual({ rlimits: asked, notes: [] });
  expect(of({ hardLimits: { nofile: 10 }, hasSysResource: true })).toEqual({ rlimits: asked, notes: [] });
  expect(of({ hardLimits: { nofile: 50 } })).toEqual({
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 50, hard: 50 }, core],
    notes: [expect.stringContaining('nofile=5000 is cut to 50')],
  });
  expect(containerSpec(specInput()).spec.process).not.toHaveProperty('rlimits');
});

describe('oom_score_adj', () => {
  test.each([
    [0n, 0, false, 0, 0],
    [1000n, 0, false, 1000, 0],
    [-997n, 0, false, 0, 1],
    [-997n, -999, false, -997, 0],
    [-997n, 0, true, -997, 0],
    [0n, 100, false, 100, 1],
  ])('asked %s with own %s (SYS_RESOURCE %s) becomes %s', (wanted, own, hasSysResource, value, noteCount) => {
    const { spec, notes } = containerSpec(
      specInput({
        config: { linux: { resources: { oomScoreAdj: wanted } } },
        facts: { oomScoreAdj: own, hasSysResource },
      }),
    );
    expect(spec.process.oomScoreAdj).toBe(value);
    expect(notes).toHaveLength(noteCount);
  });

  test.each([1001n, -1001n, 2n ** 60n])('refuses %s', (oomScoreAdj) => {
    const resources = specInput({ config: { linux: { resources: { oomScoreAdj } } } }).config.linux?.resources;
    expect(resources?.oomScoreAdj).toBe(oomScoreAdj);
    expect(() => resources && checkResources({ op: 'CreateContainer', object: 'c', field: 'f' }, resources)).toThrow(
      /oom_score_adj/,
    );
  });
});

describe('processSpec', () => {
  const { spec } = containerSpec(
    specInput({
      config: { workingDir: '/w', ...secured({ noNewPrivs: true, capabilities: { dropCapabilities: ['ALL'] } }) },
    }),
  );

  test('keeps all of the container’s process but the command', () => {
    const process = processSpec(spec, { containerId: 'c1', cmd: ['ls', '-l'], tty: false });
    expect(process).toEqual({ ...spec.process, args: ['ls', '-l'], terminal: false });
    expect(process.noNewPrivileges).toBe(true);
    expect(process.capabilities.bounding).toEqual([]);
  });

  test('a terminal adds TERM once', () => {
    const process = processSpec(spec, { containerId: 'c1', cmd: ['sh'], tty: true });
    expect(process.terminal).toBe(true);
    expect(process.env).toEqual([...spec.process.env, 'TERM=xterm']);
    const own = { ...spec, process: { ...spec.process, env: ['TERM=vt100'] } };
    expect(processSpec(own, { containerId: 'c1', cmd: ['sh'], tty: true }).env).toEqual(['TERM=vt100']);
  });

  test('a size is that of a terminal, or of nothing', () => {
    const consoleSize = { width: 132, height: 50 };
    const sized = (tty: boolean) => processSpec(spec, { containerId: 'c1', cmd: ['sh'], tty, consoleSize });
    expect([sized(true).consoleSize, sized(false).consoleSize]).toEqual([consoleSize, undefined]);
  });

  test.each([[[]], [['']], [['a\0']]])('refuses %j', (cmd: string[]) => {
    expect(refusalOf(() => processSpec(spec, { containerId: 'c1', cmd, tty: false }))).toMatchObject({
      code: 'argument-invalid',
    });
  });
});
