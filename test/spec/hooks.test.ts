import { containerSpec, parseHookFile } from '../../src/spec';
import { specInput } from './fixture';

type When = Record<string, unknown>;
const file = async (when: When, stages = ['prestart'], hook = { path: '/bin/hook' }, name = 'a.json') =>
  parseHookFile(name, JSON.stringify({ version: '1.0.0', hook, when, stages }));
const subject = { annotations: { 'io.example/x': 'yes', other: '1' }, command: '/usr/bin/app', hasBindMounts: false };

describe('when a hook runs', () => {
  test.each<[When, boolean]>([
    [{ always: true }, true],
    [{ always: false }, false],
    [{}, false],
    [{ hasBindMounts: false }, true],
    [{ hasBindMounts: true }, false],
    [{ commands: ['app$'] }, true],
    [{ commands: ['^app', '/bin/'] }, true],
    [{ commands: ['^app'] }, false],
    [{ annotations: { '^io\\.example/': '^(yes|on)$' } }, true],
    [{ annotations: { '^io\\.example/': '^no$' } }, false],
    [{ annotations: { '^io\\.example/': 'yes', '^none$': '' } }, false],
    [{ always: true, commands: ['^nothing$'] }, false],
  ])('%j: %s', async (when, expected) => {
    expect((await file(when)).matches(subject)).toBe(expected);
  });

  test('a pattern that would hang a backtracking matcher does not', async () => {
    const hook = await file({ annotations: { '^evil$': '^(a+)+$' } });
    expect(hook.matches({ ...subject, annotations: { evil: `${'a'.repeat(50_000)}!` } })).toBe(false);
  });
});

test.each([
  ['no JSON', '{', /not JSON/],
  ['another version', '{"version":"0.1.0"}', /version: only version 1\.0\.0/],
  ['no path', JSON.stringify({ version: '1.0.0', hook: {}, when: {}, stages: ['prestart'] }), /hook\.path/],
  [
    'a relative path',
    JSON.stringify({ version: '1.0.0', hook: { path: 'x' }, when: {}, stages: ['prestart'] }),
    /hook\.path: must be an absolute path/,
  ],
  ['no stage', JSON.stringify({ version: '1.0.0', hook: { path: '/x' }, when: {}, stages: [] }), /stages/],
  [
    'a stage that there is not',
    JSON.stringify({ version: '1.0.0', hook: { path: '/x' }, when: {}, stages: ['later'] }),
    /stages\[0\]/,
  ],
  [
    'a pattern that is none',
    JSON.stringify({ version: '1.0.0', hook: { path: '/x' }, when: { commands: ['('] }, stages: ['prestart'] }),
    /when: /,
  ],
])('%s is told with the file', async (_, text, message) => {
  await expect(parseHookFile('/etc/hooks/a.json', text)).rejects.toMatchObject({
    code: 'hook-invalid',
    message: expect.stringMatching(message) as string,
  });
  await expect(parseHookFile('/etc/hooks/a.json', text)).rejects.toThrow('/etc/hooks/a.json');
});

test('those that match are in the spec by stage, in the order of the files', async () => {
  const hooks = [
    await file({ always: true }, ['prestart', 'poststop'], { path: '/bin/first' }),
    await file({ commands: ['^nothing$'] }, ['prestart'], { path: '/bin/other' }),
    await file({ annotations: { mine: 'yes' } }, ['prestart'], { path: '/bin/second' }),
  ];
  const { spec } = containerSpec(specInput({ hooks, config: { annotations: { mine: 'yes' } } }));
  expect(spec.hooks).toEqual({
    prestart: [{ path: '/bin/first' }, { path: '/bin/second' }],
    poststop: [{ path: '/bin/first' }],
  });
  expect(containerSpec(specInput()).spec).not.toHaveProperty('hooks');
});
