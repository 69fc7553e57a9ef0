import { isBerthError } from '../../../src/base';
import { parsePolicy } from '../../../src/image/policy/load';
import { openSigned, readOpenPgpKeys } from '../../../src/image/policy/openpgp';
import { readClaim } from '../../../src/image/policy/payload';
import { decodeSignature } from '../../../src/image/policy/signature';
import { checkSigstore, readSigstoreKey } from '../../../src/image/policy/sigstore';
import { CosignKey, cosignPayload, TestLog } from '../../support/cosign';
import { Gpg } from '../../support/gpg';

/** mulberry32: the same bytes in every run, so that what fails once fails again. */
function random(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const crumbs = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  'null',
  '0',
  '1e999',
  '-',
  '\u0000',
  '__proto__',
  '""',
  'type',
  '\ud800',
];

/** A few changes: bits, cuts, doublings, and pieces of JSON. */
function mutate(bytes: Buffer, next: (below: number) => number): Buffer {
  let result = Buffer.from(bytes);
  for (let changes = 1 + next(4); changes > 0; changes--) {
    const at = next(result.length + 1);
    switch (next(4)) {
      case 0:
        if (at < result.length) result[at] = next(256);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.min(result.length, at + next(40)))]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - next(60)))]);
        break;
      default:
        result = Buffer.concat([
          result.subarray(0, at),
          Buffer.from(crumbs[next(crumbs.length)] ?? ''),
          result.subarray(at),
        ]);
    }
  }
  return result;
}

/** Runs it on mutants; all that may come out is success or an error of these codes. */
async function fuzz(seed: number, rounds: number, base: Buffer, run: (bytes: Buffer) => unknown, ...codes: string[]) {
  const next = random(seed);
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(base, next);
    try {
      await run(bytes);
    } catch (error) {
      if (!isBerthError(error) || !codes.includes(error.code)) {
        throw new Error(`seed ${seed}, round ${round}: ${bytes.toString('base64')}`, { cause: error });
      }
      failed++;
    }
  }
  // Both outcomes: a harness in which all fail tests nothing.
  expect(failed).toBeGreaterThan(rounds / 10);
  return failed;
}

const digest = `sha256:${'d'.repeat(64)}`;
const key = new CosignKey();
const log = new TestLog();

test('policies', async () => {
  const identity = { type: 'remapIdentity', prefix: 'a.test/x', signedPrefix: 'b.test' };
  const policy = {
    default: [{ type: 'reject' }],
    transports: {
      docker: {
        'a.test:5000/x': [{ type: 'signedBy', keyType: 'GPGKeys', keyPaths: ['/a', '/b'], signedIdentity: identity }],
        '*.b.test': [{ type: 'sigstoreSigned', keyData: 'YQ==', rekorPublicKeyPath: '/r' }],
      },
    },
  };
  const base = Buffer.from(JSON.stringify(policy));
  expect(await fuzz(1, 4000, base, (bytes) => parsePolicy('/p', bytes), 'policy-invalid')).toBeLessThan(4000);
});

test('what a signature signs', async () => {
  const base = cosignPayload(digest, 'a.test/b:1');
  expect(await fuzz(2, 4000, base, (bytes) => readClaim('sigstore', bytes), 'image-signature')).toBeLessThan(4000);
});

test('sigstore signatures with their bundle', async () => {
  const payload = cosignPayload(digest, 'a.test/b:1');
  const signature = key.sign(payload);
  const annotations = {
    'dev.cosignproject.cosign/signature': signature.toString('base64'),
    'dev.sigstore.cosign/bundle': log.bundle(payload, signature, key),
  };
  const [keys, logs] = [[readSigstoreKey(Buffer.from(key.pem))], [readSigstoreKey(Buffer.from(log.pem))]];
  checkSigstore({ kind: 'sigstore', payload, annotations }, keys, logs);
  for (const name of ['dev.cosignproject.cosign/signature', 'dev.sigstore.cosign/bundle'] as const) {
    const run = (bytes: Buffer) =>
      checkSigstore(
        { kind: 'sigstore', payload, annotations: { ...annotations, [name]: bytes.toString() } },
        keys,
        logs,
      );
    await fuzz(3, 500, Buffer.from(annotations[name]), run, 'image-signature');
  }
});

test('kept and lookaside signatures are read or unreadable', () => {
  const next = random(4);
  const json = JSON.stringify({ mimeType: 'x', payload: 'YQ==', annotations: { a: 'b' } });
  for (const base of [`\0sigstore-json\n${json}`, '\0simple-signing\nx', 'x']) {
    for (let round = 0; round < 1000; round++) decodeSignature(mutate(Buffer.from(base), next));
  }
});

test('OpenPGP messages and keys', async () => {
  await using gpg = await Gpg.open();
  const alice = await gpg.key('alice');
  const exported = await gpg.export(alice, { armor: false });
  const keys = await readOpenPgpKeys(exported);
  for (const more of [['--sign'], ['--compress-algo', 'none', '--sign']]) {
    const payload = cosignPayload(digest, 'a.test/b:1');
    const message = await gpg.sign(alice, payload, { more });
    await openSigned(message, keys);
    const same = async (bytes: Buffer) => {
      if (!(await openSigned(bytes, keys)).equals(payload)) throw new Error('it lets something else pass');
    };
    await fuzz(5, 400, message, same, 'image-signature');
  }
});
