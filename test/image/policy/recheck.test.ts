import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../src/base';
import { Policies, Recheck } from '../../../src/image/policy';
import { encodeSignature } from '../../../src/image/policy/signature';
import type { ImageRecord } from '../../../src/state';
import { CosignKey, cosignPayload } from '../../support/cosign';
import { blobOf } from '../../support/image-builder';

const cosign = new CosignKey();
const manifestDigest = `sha256:${'a'.repeat(64)}`;
const indexDigest = `sha256:${'b'.repeat(64)}`;
const accept = [{ type: 'insecureAcceptAnything' }];

let dir: string;
let reads: number;
const blobs = new Map<string, Buffer>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-recheck-'));
  reads = 0;
  blobs.clear();
  await writeFile(join(dir, 'key.pub'), cosign.pem);
});
afterEach(() => rm(dir, { recursive: true }));

/** As an editor does: another file takes its place. */
async function writePolicy(docker: object, otherwise: readonly object[] = [{ type: 'reject' }], name = 'policy.json') {
  const text = JSON.stringify({ default: otherwise, transports: { docker } });
  await writeFile(join(dir, 'new'), text);
  await rename(join(dir, 'new'), join(dir, name));
}

const byKey = () => [
  { type: 'sigstoreSigned', keyPath: join(dir, 'key.pub'), signedIdentity: { type: 'matchRepository' } },
];

function open(file = join(dir, 'policy.json')) {
  const policies = new Policies({ policy: { file, namespaceDir: dir, registriesDir: dir } }, silentLog());
  const storage = {
    readBlob: (digest: string) => {
      reads++;
      return Promise.resolve(blobs.get(digest));
    },
  };
  return new Recheck(policies, storage);
}

function record(signed: readonly string[], more: Partial<ImageRecord> = {}): ImageRecord {
  const signatures = signed.map((digest) => {
    const payload = cosignPayload(digest, 'a.test/app');
    const { annotations } = cosign.layer(payload);
    const blob = blobOf(encodeSignature({ kind: 'sigstore', payload, annotations }));
    blobs.set(blob.digest, blob.bytes);
    return blob.digest;
  });
  return {
    v: 1,
    id: `sha256:${'c'.repeat(64)}`,
    repoTags: ['a.test/app:1'],
    repoDigests: [`a.test/app@${indexDigest}`, `a.test/app@${manifestDigest}`],
    manifestDigest,
    layers: [],
    chainIds: [],
    size: 1n,
    config: { user: '', env: [], entrypoint: [], cmd: [], workingDir: '', volumes: [], stopSignal: '', labels: {} },
    pulledAt: 0n,
    ...(signatures.length > 0 && { signatures }),
    ...more,
  };
}

const refused = (message: RegExp) => ({
  code: 'image-signature',
  message: expect.stringMatching(message) as string,
});

test('where everything is accepted nothing is read; an image without signatures runs', async () => {
  await writePolicy({ 'a.test': accept });
  const image = record([manifestDigest]);
  const recheck = open();
  await recheck.check(image, 'a.test/app:1', 'default');
  await recheck.check(record([]), image.id, 'default');
  expect(reads).toBe(0);
});

test.each([
  ['manifest', manifestDigest],
  ['index', indexDigest],
])('a kept signature of the %s is believed without the network, once for the same files', async (_what, digest) => {
  await writePolicy({ 'a.test': byKey() });
  const image = record([digest]);
  const recheck = open();
  for (const asked of ['a.test/app:1', image.id, 'app:1', `a.test/app@${indexDigest}`]) {
    await recheck.check(image, asked, 'default');
    const before = reads;
    await recheck.check(image, asked, 'default');
    expect(reads).toBe(before);
  }
});

test('a policy that changes, a key that changes, another namespace’s policy', async () => {
  await writePolicy({ 'a.test': accept });
  await writePolicy({ 'a.test': accept }, undefined, 'free.json');
  const image = record([manifestDigest]);
  const recheck = open();
  await recheck.check(image, 'a.test/app:1', 'default');
  await writePolicy({ 'a.test': byKey() });
  await recheck.check(image, 'a.test/app:1', 'default');
  await writeFile(join(dir, 'other.pub'), new CosignKey().pem);
  await rename(join(dir, 'other.pub'), join(dir, 'key.pub'));
  await expect(recheck.check(image, 'a.test/app:1', 'default')).rejects.toMatchObject(refused(/it is not by the key/));
  await recheck.check(image, 'a.test/app:1', 'free');
  await writePolicy({ 'a.test': [{ type: 'reject' }] }, undefined, 'free.json');
  await expect(recheck.check(image, 'a.test/app:1', 'free')).rejects.toMatchObject(
    refused(/free\.json, transports\.docker\["a\.test"\]: it rejects the image/),
  );
  await rm(join(dir, 'free.json'));
  await expect(recheck.check(image, 'a.test/app:1', 'free')).rejects.toMatchObject(refused(/policy\.json/));
  await rm(join(dir, 'policy.json'));
  await expect(recheck.check(image, 'a.test/app:1', 'free')).rejects.toMatchObject({ code: 'policy-invalid' });
});

test('an image of which no signature is kept is told how to get there', async () => {
  await writePolicy({ 'a.test': byKey() });
  await expect(open().check(record([]), 'a.test/app:1', '')).rejects.toMatchObject(
    refused(/requires sigstoreSigned, and there is no such signature \(no signature was kept.*Always.*loaded archive/),
  );
  // A blob that is gone is as none.
  const image = record([manifestDigest]);
  blobs.clear();
  await expect(open().check(image, 'a.test/app:1', '')).rejects.toMatchObject(refused(/no such signature/));
});

test('the name that the pod has counts; by its id an image needs one name that is accepted', async () => {
  await writePolicy({ 'free.test': accept, 'a.test': byKey() });
  const image = record([], { repoTags: ['free.test/app:1', 'a.test/app:1'] });
  const recheck = open();
  await recheck.check(image, 'free.test/app:1', '');
  await recheck.check(image, image.id, '');
  await expect(recheck.check(image, 'a.test/app:1', '')).rejects.toMatchObject(refused(/image a\.test\/app:1/));
  await expect(recheck.check(image, 'else.test/app:1', '')).rejects.toMatchObject(refused(/default: it rejects/));
  const nameless = record([], { repoTags: [], repoDigests: [] });
  await expect(recheck.check(nameless, nameless.id, '')).rejects.toMatchObject(refused(/image sha256:c+: .*default/));
});

test('without a policy file everything runs, and that is said once', async () => {
  const said: string[] = [];
  const log = { ...silentLog(), info: (_: object, text: string) => void said.push(text) };
  const policies = new Policies({ policy: { file: '', namespaceDir: dir, registriesDir: dir } }, log as never);
  // Only where the machine has none of its own.
  const { policy, path, stamp } = await policies.read('default');
  await policies.read('default');
  expect(path).toBe('/etc/containers/policy.json');
  if (stamp !== '') return;
  expect(policy.default).toEqual(accept);
  expect(said).toEqual(['there is no signature policy: every image is accepted']);
});
