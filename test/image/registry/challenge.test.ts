import { parseChallenges } from '../../../src/image/registry/challenge';

function plain(header: string | string[] | undefined) {
  return parseChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
}

test.each([
  [undefined, []],
  ['', []],
  ['Basic realm="r"', [['basic', { realm: 'r' }]]],
  ['BASIC REALM=r', [['basic', { realm: 'r' }]]],
  [
    'Bearer realm="https://a.b/token",service="a.b", Scope="repository:x:pull,push"',
    [['bearer', { realm: 'https://a.b/token', service: 'a.b', scope: 'repository:x:pull,push' }]],
  ],
  ['Bearer realm = "a" , error=insufficient_scope', [['bearer', { realm: 'a', error: 'insufficient_scope' }]]],
  [String.raw`Basic realm="say \"hi\" \\ there"`, [['basic', { realm: String.raw`say "hi" \ there` }]]],
  [
    'Negotiate, Basic realm="x", Bearer realm="y"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y' }],
    ],
  ],
  [
    ['Basic realm="x"', 'Bearer realm="y"'],
    [
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y' }],
    ],
  ],
  ['Bearer realm="not closed', [['bearer', {}]]],
  ['=broken', []],
])('%j', (header, expected) => {
  expect(plain(header)).toEqual(expected);
});

test('any bytes end in challenges, never in an error or a loop', () => {
  const alphabet = 'ab=",\\ \t%/B';
  let state = 7;
  for (let round = 0; round < 2000; round++) {
    let line = '';
    for (let at = 0; at < round % 40; at++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      line += alphabet[state % alphabet.length];
    }
    for (const { scheme } of parseChallenges(line)) expect(scheme).not.toBe('');
  }
});
