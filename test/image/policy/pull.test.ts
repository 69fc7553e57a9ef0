import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ErrorCode } from '../../../src/base';
import { attach, CosignKey, cosignPayload, TestLog } from '../../support/cosign';
import { Gpg } from '../../support/gpg';
import { buildImage, buildIndex, type BuiltImage, hostArchitecture } from '../../support/image-builder';
import { TestRegistry } from '../../support/registry';
import { Skopeo } from '../../support/skopeo';
import { insecure, Room } from '../support/room';

let registry: TestRegistry;
let gpg: Gpg;
let skopeo: Skopeo;
let image: BuiltImage;
let alice: string;
let mallory: string;
const cosign = new CosignKey();
const log = new TestLog();

beforeAll(async () => {
  [registry, gpg, skopeo] = await Promise.all([TestRegistry.start(), Gpg.open(), Skopeo.open()]);
  [alice, mallory] = [await gpg.key('alice'), await gpg.key('mallory', { algorithm: 'ed25519' })];
  image = await buildImage({ layers: [{ file: 'x' }] });
  for (const repository of ['unsigned', 'cosigned', 'forged']) await registry.push(repository, '1', image);
  await skopeo.signBy(alice, gpg.home, at('unsigned:1'), at('signed:1'));
  await skopeo.signBy(alice, gpg.home, at('unsigned:1'), at('renamed:1'), '--sign-identity', 'vendor.test/app:1');
  const payload = cosignPayload(image.manifest.digest, at('cosigned'));
  await attach(registry, 'cosigned', image.manifest.digest, [cosign.layer(payload)]);
});
afterAll(async () => {
  await Promise.all([registry[Symbol.asyncDispose](), gpg[Symbol.asyncDispose](), skopeo[Symbol.asyncDispose]()]);
});

const at = (name: string) => `${registry.host}/${name}`;

/** A room whose policy is this for all of the registry; `DIR` in it is the room's folder, where the public keys are. */
async function roomWith(requirements: readonly object[], more: { lookaside?: string; attachments?: boolean } = {}) {
  const room = await Room.open({ registries: `${insecure(registry.host)}\n${mirrored()}` });
  await writeFile(join(room.dir, 'alice.asc'), await gpg.export(alice));
  await writeFile(join(room.dir, 'mallory.gpg'), await gpg.export(mallory, { armor: false }));
  await writeFile(join(room.dir, 'cosign.pub'), cosign.pem);
  await writeFile(join(room.dir, 'rekor.pub'), log.pem);
  await mkdir(join(room.dir, 'registries.d'));
  const { lookaside = `file://${skopeo.lookaside}`, attachments = true } = more;
  const places = { 'default-docker': { lookaside, 'use-sigstore-attachments': attachments } };
  await writeFile(join(room.dir, 'registries.d', 'here.yaml'), JSON.stringify(places));
  await writePolicy(room, 'policy.json', requirements);
  return room;
}

const mirrored = () =>
  `[[registry]]\nprefix = "named.test"\nlocation = "127.0.0.1:9"\n[[registry.mirror]]\nlocation = "${registry.host}"\ninsecure = true\n`;

async function writePolicy(room: Room, file: string, requirements: readonly object[]) {
  const docker = { [registry.host]: requirements, 'named.test': requirements };
  const policy = { default: [{ type: 'reject' }], transports: { docker } };
  await writeFile(join(room.dir, file), JSON.stringify(policy).replaceAll('DIR', room.dir));
}

const byAlice = { type: 'signedBy', keyType: 'GPGKeys', keyPath: 'DIR/alice.asc' };
const byMallory = { type: 'signedBy', keyType: 'GPGKeys', keyPath: 'DIR/mallory.gpg' };
const byKey = { type: 'sigstoreSigned', keyPath: 'DIR/cosign.pub', signedIdentity: { type: 'matchRepository' } };

async function refuses(room: Room, name: string, text: RegExp, code: ErrorCode = 'image-signature') {
  await expect(room.images.pull(at(name), undefined)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(text) as string,
  });
  expect(await room.remains()).toEqual([]);
}

/** What gpg signs by hand, in the place of the image's signature. */
async function lookasideOf(digest: string, repository: string, ...signatures: readonly (Buffer | string)[]) {
  const folder = join(skopeo.lookaside, `${repository}@${digest.replace(':', '=')}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (const [index, bytes] of signatures.entries()) await writeFile(join(folder, `signature-${index + 1}`), bytes);
}

const simplePayload = (digest: string, reference: string) =>
  JSON.stringify({
    critical: {
      type: 'atomic container signature',
      image: { 'docker-manifest-digest': digest },
      identity: { 'docker-reference': reference },
    },
    optional: { creator: 'a test', timestamp: 1_700_000_000 },
  });

describe('simple signing', () => {
  test('what gpg has signed through skopeo is pulled and its signature kept; what is unsigned leaves nothing', async () => {
    await using room = await roomWith([byAlice]);
    const pulled = await room.images.pull(at('signed:1'), undefined);
    expect(pulled.id).toBe(image.config.digest);
    const [kept = ''] = pulled.signatures ?? [];
    const [folder = ''] = (await readdir(skopeo.lookaside)).filter((name) => name.startsWith('signed@'));
    const made = await readFile(join(skopeo.lookaside, folder, 'signature-1'));
    await room.images.collect();
    expect(await room.storage.readBlob(kept, 1 << 20)).toEqual(made);
    await room.images.remove(pulled.id);
    await refuses(
      room,
      'unsigned:1',
      /policy\.json, transports\.docker.*requires signedBy, and there is no such signature/,
    );
  });

  test('every requirement has to be met, and reject refuses what else would do', async () => {
    await using room = await roomWith([byAlice, byMallory]);
    await refuses(room, 'signed:1', /signature is not accepted: by OpenPGP: .*find signing key/);
    await writePolicy(room, 'policy.json', [byAlice, { type: 'reject' }]);
    await refuses(room, 'signed:1', /it rejects the image/);
    await writePolicy(room, 'policy.json', [byAlice, { type: 'insecureAcceptAnything' }]);
    await room.images.pull(at('signed:1'), undefined);
  });

  test('several keys, armored one after the other and in binary', async () => {
    await using room = await roomWith([
      { ...byAlice, keyPath: undefined, keyPaths: ['DIR/mallory.gpg', 'DIR/both.asc'] },
    ]);
    const armored = await Promise.all([gpg.export(mallory), gpg.export(alice)]);
    await writeFile(join(room.dir, 'both.asc'), Buffer.concat(armored));
    await room.images.pull(at('signed:1'), undefined);
    const keyData = (await gpg.export(alice, { armor: false })).toString('base64');
    await writePolicy(room, 'policy.json', [{ type: 'signedBy', keyType: 'GPGKeys', keyData }]);
    await room.images.pull(at('signed:1'), undefined);
  });

  test('the identity is that of the name that was asked for, not of the mirror that serves it', async () => {
    await using room = await roomWith([byAlice]);
    const digest = image.manifest.digest;
    await lookasideOf(digest, 'unsigned', await gpg.sign(alice, simplePayload(digest, 'named.test/unsigned:1')));
    const pulled = await room.images.pull('named.test/unsigned:1', undefined);
    await room.images.remove(pulled.id);
    await refuses(room, 'unsigned:1', /name "named\.test\/unsigned:1", which matchRepoDigestOrExact does not accept/);
    // A digest compares by itself; the name has to be of the repository.
    await room.images.pull(`named.test/unsigned@${digest}`, undefined);
    await lookasideOf(digest, 'unsigned', 'gone');
  });

  test.each<[string, object, RegExp | undefined]>([
    ['its own', { type: 'matchExact' }, /vendor\.test\/app:1.*matchExact does not accept/],
    ['a reference', { type: 'exactReference', dockerReference: 'vendor.test/app:1' }, undefined],
    ['another reference', { type: 'exactReference', dockerReference: 'vendor.test/app:2' }, /not accept/],
    ['a repository', { type: 'exactRepository', dockerRepository: 'vendor.test/app' }, undefined],
    ['remapped', { type: 'remapIdentity', prefix: 'HOST/renamed', signedPrefix: 'vendor.test/app' }, undefined],
    ['remapped elsewhere', { type: 'remapIdentity', prefix: 'HOST/other', signedPrefix: 'vendor.test' }, /not accept/],
  ])('a signature that skopeo made for another name: %s', async (_what, signedIdentity, refusal) => {
    const rule = JSON.parse(JSON.stringify(signedIdentity).replace('HOST', registry.host)) as object;
    await using room = await roomWith([{ ...byAlice, signedIdentity: rule }]);
    if (refusal) await refuses(room, 'renamed:1', refusal);
    else await room.images.pull(at('renamed:1'), undefined);
  });

  test('another digest, a bent message, detached and clear signatures, an unsigned one, two signers', async () => {
    await using room = await roomWith([byAlice]);
    const { digest } = image.manifest;
    const payload = simplePayload(digest, at('forged:1'));
    const good = await gpg.sign(alice, payload);
    const uncompressed = await gpg.sign(alice, payload, { more: ['--compress-algo', 'none', '--sign'] });
    const bent = Buffer.from(uncompressed);
    bent[bent.indexOf('forged')] = 0x46;
    const hostile: readonly [Buffer | string, RegExp][] = [
      [await gpg.sign(alice, simplePayload(`sha256:${'0'.repeat(64)}`, at('forged:1'))), /it is for sha256:0{64}/],
      [bent, /by OpenPGP: /],
      [await gpg.sign(alice, payload, { more: ['--detach-sign'] }), /by OpenPGP: /],
      [await gpg.sign(alice, payload, { more: ['--clearsign'] }), /by OpenPGP: /],
      [await gpg.sign(alice, payload, { more: ['--store'] }), /0 signatures, not one/],
      [await gpg.sign(alice, payload, { more: ['--local-user', mallory, '--sign'] }), /2 signatures, not one/],
      [payload, /by OpenPGP: /],
      ['', /by OpenPGP: /],
      ['\0new-kind\nx', /it is of an unknown kind/],
      ['\0sigstore-json\n{', /it cannot be read/],
      [await gpg.sign(alice, payload.replace('{', '{"critical":{},')), /critical: the key comes twice/],
      [await gpg.sign(alice, payload.replace('"optional"', '"extra":1,"optional"')), /extra: unknown key/],
      [await gpg.sign(alice, payload.replace('atomic', 'cosmic')), /critical\.type/],
      [await gpg.sign(alice, 'x'.repeat(9_000_000)), /by OpenPGP: /],
      [randomBytes(5 * 1024 * 1024), /signatures cannot be read: .*5242880 bytes are more than 4194304/],
    ];
    for (const [bytes, reason] of hostile) {
      await lookasideOf(digest, 'forged', bytes);
      await refuses(room, 'forged:1', reason);
    }
    // One good signature among them is enough.
    await lookasideOf(digest, 'forged', '\0new-kind\nx', bent, good);
    await room.images.pull(at('forged:1'), undefined);
  });

  test('keys that have expired or are revoked sign nothing, whenever they signed; nor does an expired signature', async () => {
    const expired = await gpg.key('expired', { old: true, life: '1d' });
    const elder = await gpg.key('elder', { old: true });
    const revoked = await gpg.key('revoked');
    const { digest } = image.manifest;
    const payload = simplePayload(digest, at('forged:1'));
    const old = await gpg.sign(expired, payload, { old: true });
    const before = await gpg.sign(revoked, payload);
    const short = await gpg.sign(elder, payload, { old: true, more: ['--default-sig-expire', '1d', '--sign'] });
    await gpg.revoke(revoked);
    await using room = await roomWith([{ ...byAlice, keyPath: 'DIR/old.asc' }]);
    for (const [signer, signature, reason] of [
      [expired, old, /expired/i],
      [revoked, before, /revoked/i],
      [elder, short, /expired/i],
    ] as const) {
      await writeFile(join(room.dir, 'old.asc'), await gpg.export(signer));
      await lookasideOf(digest, 'forged', signature);
      await refuses(room, 'forged:1', reason);
    }
    // A key without end is as good as ever, and so is a subkey.
    const primary = await gpg.key('primary');
    await gpg.subkey(primary);
    for (const [signer, signature] of [
      [elder, await gpg.sign(elder, payload, { old: true })],
      [primary, await gpg.sign(primary, payload)],
    ] as const) {
      await writeFile(join(room.dir, 'old.asc'), await gpg.export(signer));
      await lookasideOf(digest, 'forged', signature);
      await room.images.pull(at('forged:1'), undefined);
    }
  });
});

describe('the lookaside over http', () => {
  async function serving(handler: RequestListener) {
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the server does not listen');
    return {
      url: `http://127.0.0.1:${address.port}/sigs`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  test('is asked from signature-1 until 404', async () => {
    const seen: string[] = [];
    await using web = await serving((request, response) => {
      seen.push(request.url ?? '');
      const path = join(skopeo.lookaside, (request.url ?? '').replace('/sigs/', ''));
      readFile(path).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end('no such file'),
      );
    });
    await using room = await roomWith([byAlice], { lookaside: web.url });
    await room.images.pull(at('signed:1'), undefined);
    const folder = `/sigs/signed@${image.manifest.digest.replace(':', '=')}`;
    expect(seen).toEqual([`${folder}/signature-1`, `${folder}/signature-2`]);
  });

  test.each<[string, RequestListener, RegExp]>([
    ['an error', (_, response) => response.writeHead(500).end('down'), /signatures cannot be read: .*status 500/],
    ['a refusal', (_, response) => response.writeHead(403).end(), /signatures cannot be read: .*status 403/],
    ['a broken answer', (request) => request.socket.destroy(), /signatures cannot be read: /],
    ['too much', (_, response) => response.end(Buffer.alloc(5 << 20)), /longer than 4194304 bytes/],
    ['no end', (_, response) => response.end('x'), /more than 128/],
    ['much in all', (_, response) => response.end(Buffer.alloc(3 << 20)), /more than 16777216 bytes/],
  ])('%s is not the same as no signature', async (_what, handler, reason) => {
    await using web = await serving(handler);
    await using room = await roomWith([byAlice], { lookaside: web.url });
    await refuses(room, 'signed:1', reason);
  });
});

describe('sigstore', () => {
  test('an attachment by the key is enough; without use-sigstore-attachments that is what the error says', async () => {
    await using room = await roomWith([byKey]);
    const pulled = await room.images.pull(at('cosigned:1'), undefined);
    expect(pulled.signatures).toHaveLength(1);
    await room.images.remove(pulled.id);
    await refuses(room, 'unsigned:1', /requires sigstoreSigned, and there is no such signature/);
    await using blind = await roomWith([byKey], { attachments: false });
    await refuses(blind, 'cosigned:1', /set use-sigstore-attachments/);
  });

  test('certificates are read and refused as not supported', async () => {
    const fulcio = { caPath: '/ca.pem', oidcIssuer: 'https://issuer.test', subjectEmail: 'a@b.test' };
    await using room = await roomWith([{ type: 'sigstoreSigned', fulcio, rekorPublicKeyPath: 'DIR/rekor.pub' }]);
    await refuses(room, 'cosigned:1', /it requires sigstoreSigned with fulcio, which berth does not support/);
  });

  test('a log that the policy names has to know the signature', async () => {
    const { digest } = image.manifest;
    await using room = await roomWith([{ ...byKey, rekorPublicKeyPath: 'DIR/rekor.pub' }]);
    await refuses(room, 'cosigned:1', /no annotation dev\.sigstore\.cosign\/bundle/);
    const payload = cosignPayload(digest, at('logged'));
    const layer = cosign.layer(payload);
    const signature = Buffer.from(layer.annotations['dev.cosignproject.cosign/signature'] ?? '', 'base64');
    await registry.push('logged', '1', image);
    const bundle = log.bundle(payload, signature, cosign);
    const withBundle = (text: string) => ({
      ...layer,
      annotations: { ...layer.annotations, 'dev.sigstore.cosign/bundle': text },
    });
    const other = new CosignKey();
    const otherPayload = cosignPayload(digest, at('other'));
    for (const [text, reason] of [
      [new TestLog().bundle(payload, signature, cosign), /not signed by a Rekor key/],
      [bundle.replace('"logIndex":7', '"logIndex":8'), /not signed by a Rekor key/],
      [bundle.replace('{', '{"more":1,'), /more: unknown key/],
      ['{', /not JSON/],
      [log.bundle(payload, signature, other), /of another key/],
      [log.bundle(payload, other.sign(payload), cosign), /of another signature/],
      [log.bundle(otherPayload, signature, cosign), /of another payload/],
      [log.bundle(payload, signature, cosign, (entry) => ({ ...entry, kind: 'intoto' })), /kind/],
    ] as const) {
      await attach(registry, 'logged', digest, [withBundle(text)]);
      await refuses(room, 'logged:1', reason);
    }
    await attach(registry, 'logged', digest, [withBundle(bundle)]);
    await room.images.pull(at('logged:1'), undefined);
  });

  test('another key, another image, a bent payload, another kind of key', async () => {
    const { digest } = image.manifest;
    const payload = cosignPayload(digest, at('attacked'));
    const bent = { ...cosign.layer(payload), payload: cosign.layer(cosignPayload(digest, at('attackeD'))).payload };
    await registry.push('attacked', '1', image);
    await using room = await roomWith([byKey]);
    for (const [layer, reason] of [
      [new CosignKey().layer(payload), /it is not by the key/],
      [bent, /it is not by the key/],
      [cosign.layer(cosignPayload(`sha256:${'1'.repeat(64)}`, at('attacked'))), /it is for sha256:1{64}/],
      [cosign.layer(cosignPayload(digest, at('cosigned'))), /which matchRepository does not accept/],
      [cosign.layer(payload, { 'dev.cosignproject.cosign/signature': '%' }), /it is not base64/],
      [{ ...cosign.layer(payload), annotations: {} }, /no annotation dev\.cosignproject/],
    ] as const) {
      await attach(registry, 'attacked', digest, [layer]);
      await refuses(room, 'attacked:1', reason);
    }
  });
});

test('attachments are asked for at the mirror that served the manifest, under the name that was asked for', async () => {
  await using room = await roomWith([byKey]);
  await expect(room.images.pull('named.test/cosigned:1', undefined)).rejects.toMatchObject({
    code: 'image-signature',
    message: expect.stringMatching(/cosigned", which matchRepository does not accept/) as string,
  });
  const signedIdentity = { type: 'exactRepository', dockerRepository: at('cosigned') };
  await writePolicy(room, 'policy.json', [{ ...byKey, signedIdentity }]);
  await room.images.pull('named.test/cosigned:1', undefined);
});

test('a key file that is missing or is no key is named', async () => {
  await using room = await roomWith([{ ...byAlice, keyPath: 'DIR/none.asc' }]);
  await refuses(room, 'signed:1', /none\.asc: ENOENT/, 'policy-invalid');
  for (const rule of [
    { ...byAlice, keyPath: 'DIR/cosign.pub' },
    { ...byKey, keyPath: 'DIR/alice.asc' },
  ]) {
    await writePolicy(room, 'policy.json', [rule]);
    await refuses(
      room,
      rule.type === 'signedBy' ? 'signed:1' : 'cosigned:1',
      /(cosign\.pub|alice\.asc): /,
      'policy-invalid',
    );
  }
});

describe('what is here already', () => {
  test('an image that one namespace may have unsigned is kept with what another asks for', async () => {
    await using room = await roomWith([{ type: 'insecureAcceptAnything' }]);
    await mkdir(join(room.dir, 'policies'));
    await writePolicy(room, 'policies/strict.json', [byAlice]);
    const pulled = await room.images.pull(at('signed:1'), undefined, undefined, 'free');
    await room.images.admit(pulled, at('signed:1'), 'free');
    await room.images.admit(pulled, pulled.id, 'strict');
    await writePolicy(room, 'policies/strict.json', [byMallory]);
    await expect(room.images.admit(pulled, pulled.id, 'strict')).rejects.toMatchObject({ code: 'image-signature' });
  });

  test('where nobody asks for signatures none is looked for; what cannot be had is no matter', async () => {
    await using room = await roomWith([{ type: 'insecureAcceptAnything' }], { lookaside: 'http://127.0.0.1:9' });
    const pulled = await room.images.pull(at('signed:1'), undefined);
    expect(pulled.signatures).toBeUndefined();
    await mkdir(join(room.dir, 'policies'));
    await writePolicy(room, 'policies/strict.json', [byAlice]);
    expect((await room.images.pull(at('signed:1'), undefined)).signatures).toBeUndefined();
  });

  test('a second pull adds its signatures to those that are kept', async () => {
    await using room = await roomWith([byAlice]);
    const first = await room.images.pull(at('signed:1'), undefined);
    await writePolicy(room, 'policy.json', [byKey]);
    const second = await room.images.pull(at('cosigned:1'), undefined);
    expect(second.id).toBe(first.id);
    expect(second.signatures).toEqual([...(second.signatures ?? []).slice(0, 1), ...(first.signatures ?? [])]);
    await room.images.collect();
    await writePolicy(room, 'policy.json', [byAlice]);
    await room.images.admit(second, at('signed:1'), '');
  });

  test('a loaded archive has no signatures, and is told how to get some', async () => {
    await using room = await roomWith([byAlice]);
    const path = join(room.dir, 'archive.tar');
    await skopeo.archive(at('signed:1'), path, at('signed:1'));
    const [loaded] = await room.images.load(path);
    if (!loaded) throw new Error('the archive has no image');
    await expect(room.images.admit(loaded, at('signed:1'), '')).rejects.toMatchObject({
      code: 'image-signature',
      message: expect.stringMatching(/there is no such signature.*a loaded archive has none/) as string,
    });
  });
});

test('a signature of the index is one of the image; so is one of the manifest in it', async () => {
  const other = await buildImage({ layers: [{ other: 'x' }], architecture: 'riscv64' });
  const index = buildIndex([
    { image, architecture: hostArchitecture },
    { image: other, architecture: 'riscv64' },
  ]);
  for (const [repository, signed] of [
    ['by-index', index.digest],
    ['by-manifest', image.manifest.digest],
    ['by-other', other.manifest.digest],
  ] as const) {
    await registry.push(repository, 'a', image);
    await registry.push(repository, 'b', other);
    await registry.pushManifest(repository, '1', index);
    const payload = cosignPayload(signed, at(repository));
    await attach(registry, repository, signed, [cosign.layer(payload)]);
  }
  await using room = await roomWith([byKey]);
  for (const name of ['by-index:1', 'by-manifest:1']) {
    const { id } = await room.images.pull(at(name), undefined);
    await room.images.remove(id);
  }
  await refuses(room, 'by-other:1', /there is no such signature/);
});

test('a namespace’s own policy holds in place of the other, and equal pulls under two policies are two', async () => {
  await using room = await roomWith([{ type: 'reject' }]);
  await mkdir(join(room.dir, 'policies'));
  await writePolicy(room, 'policies/free.json', [{ type: 'insecureAcceptAnything' }]);
  await writePolicy(room, 'policies/strict.json', [byAlice]);
  const pull = (namespace: string) => room.images.pull(at('unsigned:1'), undefined, undefined, namespace);
  const outcomes = await Promise.allSettled(['free', 'strict', 'other', '../policies/free', ''].map(pull));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected']);
  // It is read anew: what is wrong now is an error now.
  await cp(join(room.dir, 'alice.asc'), join(room.dir, 'policies', 'free.json'));
  await expect(pull('free')).rejects.toMatchObject({
    code: 'policy-invalid',
    message: expect.stringContaining('free.json') as string,
  });
});
