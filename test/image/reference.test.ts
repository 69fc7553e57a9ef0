import { parseReference, textOf } from '../../src/image/reference';

const digest = `sha256:${'a1'.repeat(32)}`;

test.each([
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['docker.io/team/app:v1', 'docker.io/team/app:v1'],
  ['index.docker.io/busybox:1', 'docker.io/library/busybox:1'],
  ['Docker.IO/busybox', 'docker.io/library/busybox:latest'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost:5000/app:Tag_1.x-y', 'localhost:5000/app:Tag_1.x-y'],
  ['[::1]:5000/app', '[::1]:5000/app:latest'],
  ['a.b/c/d/e__f--g.h', 'a.b/c/d/e__f--g.h:latest'],
  [`a.b/c:tag@${digest}`, `a.b/c@${digest}`],
  [`a.b:1/c@${digest}`, `a.b:1/c@${digest}`],
])('%s is %s', (text, normalised) => {
  const reference = parseReference(text);
  expect(reference.kind).toBe('full');
  expect(textOf(reference)).toBe(normalised);
  // What is normalised stays so.
  expect(parseReference(normalised)).toEqual(reference);
});

test.each([
  ['busybox', 'busybox', { kind: 'tag', tag: 'latest' }],
  ['team/app:v1', 'team/app', { kind: 'tag', tag: 'v1' }],
  ['localhost:5000', 'localhost', { kind: 'tag', tag: '5000' }],
  [`busybox@${digest}`, 'busybox', { kind: 'digest', digest }],
])('%s is a short name', (text, path, version) => {
  expect(parseReference(text)).toEqual({ kind: 'short', path, version });
});

test.each([
  ['', 'empty'],
  ['docker://a.b/c', 'scheme'],
  ['a.b/C', 'lower case'],
  ['Team/app', 'lower case'],
  ['a.b//c', 'empty part'],
  ['a.b/c/', 'empty part'],
  ['/a', 'empty part'],
  ['a.b/c:', 'tag'],
  ['a.b/c:-x', 'tag'],
  [`a.b/c:${'x'.repeat(129)}`, 'tag'],
  ['a.b/c@sha256:abc', 'digest'],
  [`a.b/c@sha256:${'A1'.repeat(32)}`, 'digest'],
  [`a.b/c@md5:${'a1'.repeat(16)}`, 'digest'],
  ['a.b/../c', 'part'],
  ['a.b/c d', 'part'],
  ['-a.b/c', 'host'],
  ['a.b:port/c', 'host'],
  [`a.b/${'c'.repeat(260)}`, 'longer'],
  ['x'.repeat(2000), 'longer'],
  ['a1'.repeat(32), 'id'],
])('%s is refused', (text, word) => {
  let error: unknown;
  try {
    parseReference(text);
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({
    code: 'image-reference-invalid',
    message: expect.stringContaining(word) as string,
  });
});
