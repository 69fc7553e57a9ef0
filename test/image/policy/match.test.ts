import { identityAccepted, identityOf, type SignedIdentity } from '../../../src/image/policy/identity';
import { parsePolicy } from '../../../src/image/policy/load';
import { ruleFor, scopesOf } from '../../../src/image/policy/scopes';
import { parseReference, qualify } from '../../../src/image/reference';

const digest = `sha256:${'0'.repeat(64)}`;

function full(text: string) {
  const reference = parseReference(text);
  return reference.kind === 'full' ? reference : qualify(reference, 'docker.io');
}

test('the scopes of a name, the narrowest first', () => {
  expect(scopesOf(full('reg.sub.example.com:5000/a/b:1'))).toEqual([
    'reg.sub.example.com:5000/a/b:1',
    'reg.sub.example.com:5000/a/b',
    'reg.sub.example.com:5000/a',
    'reg.sub.example.com:5000',
    '*.sub.example.com',
    '*.example.com',
    '*.com',
  ]);
  expect(scopesOf(full(`busybox@${digest}`))).toEqual([
    `docker.io/library/busybox@${digest}`,
    'docker.io/library/busybox',
    'docker.io/library',
    'docker.io',
    '*.io',
  ]);
  expect(scopesOf(full('[::1]:5000/a'))).toEqual(['[::1]:5000/a:latest', '[::1]:5000/a', '[::1]:5000']);
});

test.each([
  ['a.test/team/app:1', 'a.test/team/app:1'],
  ['a.test/team/app:2', 'a.test/team/app'],
  ['a.test/team/apple:1', 'a.test/team'],
  ['a.test/teams/app:1', 'a.test'],
  ['b.a.test/x:1', '*.a.test'],
  ['c.b.a.test:5000/x:1', '*.a.test'],
  ['other.test/x:1', ''],
])('%s is under the scope %j', (name, scope) => {
  const scopes = ['a.test/team/app:1', 'a.test/team/app', 'a.test/team', 'a.test', '*.a.test', ''];
  const docker = Object.fromEntries(scopes.map((key) => [key, [{ type: 'reject' }]]));
  const text = JSON.stringify({ default: [{ type: 'reject' }], transports: { docker } });
  const policy = parsePolicy('/p', Buffer.from(text));
  expect(ruleFor(policy, full(name)).key).toBe(`transports.docker[${JSON.stringify(scope)}]`);
  expect(ruleFor(policy, undefined).key).toBe('default');
  expect(ruleFor({ ...policy, transports: {} }, full(name)).key).toBe('default');
});

test.each<[SignedIdentity, string, string, boolean]>([
  [{ type: 'matchExact' }, 'a.test/b:1', 'a.test/b:1', true],
  [{ type: 'matchExact' }, 'a.test/b:1', 'a.test/b:2', false],
  [{ type: 'matchExact' }, 'a.test/b:latest', 'a.test/b', false],
  [{ type: 'matchExact' }, 'busybox:1', 'docker.io/library/busybox:1', true],
  [{ type: 'matchExact' }, `a.test/b@${digest}`, `a.test/b@${digest}`, true],
  [{ type: 'matchExact' }, `a.test/b@${digest}`, 'a.test/b:1', false],
  [{ type: 'matchExact' }, 'a.test/b:1', `a.test/b:1@${digest}`, false],
  [{ type: 'matchRepoDigestOrExact' }, `a.test/b@${digest}`, 'a.test/b:1', true],
  [{ type: 'matchRepoDigestOrExact' }, `a.test/b@${digest}`, 'a.test/b', false],
  [{ type: 'matchRepoDigestOrExact' }, `a.test/b@${digest}`, 'a.test/c:1', false],
  [{ type: 'matchRepoDigestOrExact' }, 'a.test/b:1', 'a.test/b:1', true],
  [{ type: 'matchRepoDigestOrExact' }, 'a.test/b:1', 'a.test/b', false],
  [{ type: 'matchRepository' }, 'a.test/b:1', 'a.test/b', true],
  [{ type: 'matchRepository' }, 'a.test/b:1', 'a.test/b:2', true],
  [{ type: 'matchRepository' }, 'a.test/b:1', 'a.test/b/c', false],
  [{ type: 'matchRepository' }, 'a.test/b:1', 'not a name', false],
  [{ type: 'exactReference', dockerReference: 'v.test/x:1' }, 'a.test/b:1', 'v.test/x:1', true],
  [{ type: 'exactReference', dockerReference: 'v.test/x:1' }, 'v.test/x:1', 'v.test/x', false],
  [{ type: 'exactRepository', dockerRepository: 'v.test/x' }, 'a.test/b:1', 'v.test/x:9', true],
  [{ type: 'exactRepository', dockerRepository: 'v.test/x' }, 'a.test/b:1', 'a.test/b:1', false],
  [{ type: 'remapIdentity', prefix: 'a.test', signedPrefix: 'v.test/y' }, 'a.test/b:1', 'v.test/y/b:1', true],
  [{ type: 'remapIdentity', prefix: 'a.test', signedPrefix: 'v.test/y' }, 'a.test/b:1', 'a.test/b:1', false],
  [{ type: 'remapIdentity', prefix: 'a.test/b', signedPrefix: 'v.test' }, 'a.test/bc:1', 'a.test/bc:1', true],
])('%j: asked for %s, signed as %s: %s', (rule, asked, signed, accepted) => {
  expect(identityAccepted(rule, identityOf(full(asked)), signed)).toBe(accepted);
});

test('an image without a name is only what the policy itself names', () => {
  expect(identityAccepted({ type: 'matchRepository' }, undefined, 'a.test/b:1')).toBe(false);
  expect(identityAccepted({ type: 'matchExact' }, undefined, 'a.test/b:1')).toBe(false);
  expect(identityAccepted({ type: 'remapIdentity', prefix: 'a', signedPrefix: 'b' }, undefined, 'a.test/b:1')).toBe(
    false,
  );
  expect(identityAccepted({ type: 'exactReference', dockerReference: 'a.test/b:1' }, undefined, 'a.test/b:1')).toBe(
    true,
  );
});
