import { parsePolicy } from '../../../src/image/policy/load';

const key = Buffer.from('a key').toString('base64');
const accept = [{ type: 'insecureAcceptAnything' }];
const signedBy = { type: 'signedBy', keyType: 'GPGKeys', keyData: key };
const sigstore = { type: 'sigstoreSigned', keyData: key };
const fulcio = { caData: key, oidcIssuer: 'https://i.test', subjectEmail: 'a@b.test' };

function parse(value: unknown) {
  if (Buffer.isBuffer(value)) return parsePolicy('/p.json', value);
  return parsePolicy('/p.json', Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}
const withRule = (rule: object) => ({ default: [rule] });
const withDocker = (docker: object) => ({ default: accept, transports: { docker } });

test.each<[string, unknown, RegExp]>([
  ['no JSON', '{', /\/p\.json: /],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /it is not UTF-8/],
  ['an array', '[]', /expected object/],
  ['nothing', {}, /default: /],
  ['an empty default', { default: [] }, /default: the list is empty/],
  ['an unknown key', { default: accept, transport: {} }, /transport: unknown key/],
  [
    'a key twice',
    '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
    /default: the key comes twice/,
  ],
  ['a key twice, escaped', '{"default":[{"type":"reject"}],"d\\u0065fault":[]}', /default: the key comes twice/],
  [
    'a scope twice',
    `{"default":[{"type":"reject"}],"transports":{"docker":{"a.test":[],"a.test":[]}}}`,
    /transports\.docker\.a\.test: the key comes twice/,
  ],
  [
    'a key twice in a list',
    '{"default":[{"type":"reject"},{"type":"reject","type":"reject"}]}',
    /default\[1\]\.type: the key comes twice/,
  ],
  [
    '__proto__',
    '{"default":[{"type":"reject"}],"transports":{"docker":{"__proto__":[]}}}',
    /__proto__: no key has this name/,
  ],
  ['an empty scope list', withDocker({ 'a.test': [] }), /transports\.docker\.a\.test: the list is empty/],
  [
    'a scheme',
    withDocker({ 'docker://a.test': accept }),
    /transports\.docker\.docker:\/\/a\.test: a scope has no scheme/,
  ],
  ['a wildcard in the middle', withDocker({ 'a.*.test': accept }), /a wildcard is \*\.domain/],
  ['a wildcard with a path', withDocker({ '*.test/x': accept }), /a wildcard is \*\.domain/],
  ['a slash at the end', withDocker({ 'a.test/': accept }), /does not end in a slash/],
  ['an unknown type', withRule({ type: 'accept' }), /default\[0\]\.type: /],
  ['a key too many', withRule({ type: 'reject', keyPath: '/k' }), /default\[0\]\.keyPath: unknown key/],
  [
    'signedBy without key',
    withRule({ type: 'signedBy', keyType: 'GPGKeys' }),
    /exactly one of keyPath, keyPaths, keyData is needed, it has 0/,
  ],
  ['signedBy with two', withRule({ ...signedBy, keyPath: '/k' }), /exactly one of .* it has 2/],
  ['signedBy without type', withRule({ type: 'signedBy', keyPath: '/k' }), /keyType/],
  [
    'a relative path',
    withRule({ type: 'signedBy', keyType: 'GPGKeys', keyPath: 'k' }),
    /keyPath: is not an absolute path/,
  ],
  ['no paths', withRule({ type: 'signedBy', keyType: 'GPGKeys', keyPaths: [] }), /keyPaths: is empty/],
  ['no base64', withRule({ ...signedBy, keyData: 'a!' }), /keyData: is not base64/],
  ['null', withRule({ ...signedBy, keyPath: null }), /keyPath/],
  ['an unknown identity', withRule({ ...signedBy, signedIdentity: { type: 'any' } }), /signedIdentity\.type/],
  [
    'a reference without tag',
    withRule({ ...signedBy, signedIdentity: { type: 'exactReference', dockerReference: 'a.test/b' } }),
    /is not a name with tag or digest/,
  ],
  [
    'a repository with tag',
    withRule({ ...signedBy, signedIdentity: { type: 'exactRepository', dockerRepository: 'a.test/b:c' } }),
    /is not a name without tag/,
  ],
  [
    'a prefix that is none',
    withRule({ ...signedBy, signedIdentity: { type: 'remapIdentity', prefix: 'a b', signedPrefix: 'c' } }),
    /prefix: is not host/,
  ],
  [
    'sigstore without key',
    withRule({ type: 'sigstoreSigned' }),
    /exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, pki is needed/,
  ],
  [
    'sigstore with two logs',
    withRule({ ...sigstore, rekorPublicKeyPath: '/r', rekorPublicKeyData: key }),
    /at most one of rekorPublicKeyPath/,
  ],
  ['fulcio without log', withRule({ type: 'sigstoreSigned', fulcio }), /fulcio: needs a Rekor key/],
  [
    'fulcio without issuer',
    withRule({ type: 'sigstoreSigned', fulcio: { ...fulcio, oidcIssuer: undefined } }),
    /fulcio\.oidcIssuer/,
  ],
  [
    'pki with log',
    withRule({ type: 'sigstoreSigned', pki: { caRootsData: key, subjectEmail: 'a' }, rekorPublicKeyPath: '/r' }),
    /pki: excludes Rekor keys/,
  ],
  [
    'pki without subject',
    withRule({ type: 'sigstoreSigned', pki: { caRootsData: key } }),
    /subjectEmail or subjectHostname/,
  ],
  ['too much', ' '.repeat(5 << 20), /5242880 bytes are more than/],
])('%s is an error that names the file and the key', (_what, value, message) => {
  expect(() => parse(value)).toThrow(
    expect.objectContaining({ code: 'policy-invalid', message: expect.stringMatching(message) as string }) as Error,
  );
});

test.each<[string, unknown]>([
  [
    'Debian’s own',
    '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker-daemon":{"":[{"type":"insecureAcceptAnything"}]}}}',
  ],
  [
    'all scopes',
    withDocker({
      '': accept,
      '*.a.test': accept,
      'a.test:5000': accept,
      'a.test/b/c:1': accept,
      [`a.test/b@sha256:${'0'.repeat(64)}`]: accept,
    }),
  ],
  [
    'all identities',
    {
      default: ['matchExact', 'matchRepoDigestOrExact', 'matchRepository'].map((type) => ({
        ...signedBy,
        signedIdentity: { type },
      })),
    },
  ],
  [
    'several keys',
    { default: [{ ...sigstore, keyData: undefined, keyDatas: [key, key], rekorPublicKeyPaths: ['/r', '/s'] }] },
  ],
  [
    'what berth does not support',
    {
      default: [
        { ...signedBy, keyType: 'X509Certificates' },
        { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } },
        { type: 'sigstoreSigned', fulcio, rekorPublicKeyPath: '/r' },
      ],
    },
  ],
])('%s is read', (_what, value) => {
  expect(parse(value).default.length).toBeGreaterThan(0);
});

test('the identity is matchRepoDigestOrExact unless it is given', () => {
  expect(parse(withRule(signedBy)).default).toEqual([
    {
      type: 'signedBy',
      keys: { paths: [], data: [Buffer.from('a key')] },
      signedIdentity: { type: 'matchRepoDigestOrExact' },
    },
  ]);
});
