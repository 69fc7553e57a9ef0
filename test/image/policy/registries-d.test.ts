import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signaturePlaces } from '../../../src/image/policy/registries-d';
import { parseReference, type Reference } from '../../../src/image/reference';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-registries-d-'));
});
afterEach(() => rm(dir, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(dir, name), text);

async function places(name: string) {
  const reference = parseReference(name);
  if (reference.kind !== 'full') throw new Error(`${name} has no host`);
  const { lookaside, attachments } = await signaturePlaces(dir, reference satisfies Reference);
  return [lookaside.href, attachments];
}

const usual = 'file:///var/lib/containers/sigstore';

test('without files signatures are where root’s are, and the registry is not asked', async () => {
  expect(await places('a.test/b:1')).toEqual([usual, false]);
  await write('empty.yaml', '');
  await write('comment.yaml', '# docker:\n');
  await write(
    'debian.yaml',
    'default-docker:\n#  lookaside: https://x/\n  lookaside-staging: file:///var/lib/containers/sigstore\n',
  );
  await write('other.txt', ': no yaml');
  expect(await places('a.test/b:1')).toEqual([usual, false]);
});

test('the narrowest scope that says a thing counts, each thing for itself; sigstore is an old name', async () => {
  await write(
    'a.yaml',
    [
      'default-docker: {lookaside: "https://all.test/s"}',
      'docker:',
      '  a.test: {sigstore: "http://a.test/s", use-sigstore-attachments: true}',
      '  a.test/x: {use-sigstore-attachments: false}',
      '  a.test/x/y:',
      '    lookaside: file:///sigs',
      '  "*.wild.test": {use-sigstore-attachments: true}',
      '  nothing.test:',
    ].join('\n'),
  );
  expect(await places('a.test/b:1')).toEqual(['http://a.test/s', true]);
  expect(await places('a.test/x:1')).toEqual(['http://a.test/s', false]);
  expect(await places('a.test/x/y:1')).toEqual(['file:///sigs', false]);
  expect(await places('b.wild.test/x:1')).toEqual(['https://all.test/s', true]);
  expect(await places('nothing.test/x:1')).toEqual(['https://all.test/s', false]);
});

test.each([
  ['no YAML', 'docker: {', /here\.yaml: /],
  ['an unknown key', 'docker:\n  a.test: {lookasides: x}', /docker\.a\.test\.lookasides: unknown key/],
  ['an unknown section', 'dockers: {}', /dockers: unknown key/],
  ['a key twice', 'docker:\n  a.test: {}\n  a.test: {}', /unique/],
  [
    'no address',
    'default-docker: {lookaside: /var/lib}',
    /default-docker\.lookaside: is no http, https or file address/,
  ],
  ['another scheme', 'default-docker: {lookaside: "ftp://a.test"}', /default-docker\.lookaside: is no http/],
  ['a scope that another file has', 'docker:\n  z.test: {}', /docker\.z\.test: .*first\.yaml has it too/],
  ['a default that another file has', 'default-docker: {}', /default-docker: .*first\.yaml has it too/],
])('%s is an error that names the file and the key', async (_what, text, message) => {
  await write('first.yaml', 'docker:\n  z.test: {}\ndefault-docker: {}');
  await write('here.yaml', text.includes('default-docker: {l') ? `${text}\n` : text);
  if (text.includes('default-docker: {l')) await write('first.yaml', '');
  await expect(places('a.test/b:1')).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(message) as string,
  });
});
