import { z } from 'zod';
import { readIdentity } from './identity';

// containers-policy.json(5); keys in their order there.
const path = z.string().regex(/^\//, 'is not an absolute path');
const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'is not base64')
  .min(1, 'is empty')
  .transform((text) => Buffer.from(text, 'base64'));

const exactReference = z
  .string()
  .refine((text) => (readIdentity(text)?.version ?? '') !== '', 'is not a name with tag or digest');
const repository = z
  .string()
  .refine((text) => readIdentity(text)?.version === '', 'is not a name without tag or digest');
const prefix = z
  .string()
  .regex(/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?(?:\/[a-z0-9._-]+)*$/, 'is not host[:port][/path]');

const signedIdentity = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('matchExact') }),
    z.strictObject({ type: z.literal('matchRepoDigestOrExact') }),
    z.strictObject({ type: z.literal('matchRepository') }),
    z.strictObject({ type: z.literal('exactReference'), dockerReference: exactReference }),
    z.strictObject({ type: z.literal('exactRepository'), dockerRepository: repository }),
    z.strictObject({ type: z.literal('remapIdentity'), prefix, signedPrefix: prefix }),
  ])
  .default({ type: 'matchRepoDigestOrExact' });

/** Where keys come from: files, and what the policy holds itself. */
export interface KeySources {
  readonly paths: readonly string[];
  readonly data: readonly Buffer[];
}

type Given = Readonly<Record<string, string | Buffer | readonly (string | Buffer)[] | object | undefined>>;

/** Of these keys one is given, or with `optional` at most one. */
function oneOf(keys: readonly string[], optional = false) {
  return (context: { readonly value: Given; readonly issues: z.core.$ZodRawIssue[] }) => {
    const given = keys.filter((key) => context.value[key] !== undefined).length;
    if (given === 1 || (optional && given === 0)) return;
    const message = `${optional ? 'at most' : 'exactly'} one of ${keys.join(', ')} is needed, it has ${given}`;
    context.issues.push({ code: 'custom', input: context.value, path: [], message });
  };
}

function sources(...values: readonly (string | Buffer | readonly (string | Buffer)[] | undefined)[]): KeySources {
  const all = values.flat().filter((value) => value !== undefined);
  return {
    paths: all.filter((value) => typeof value === 'string'),
    data: all.filter((value) => typeof value !== 'string'),
  };
}

const signedBy = z
  .strictObject({
    type: z.literal('signedBy'),
    keyType: z.enum(['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']),
    keyPath: path.optional(),
    keyPaths: z.array(path).min(1, 'is empty').optional(),
    keyData: base64.optional(),
    signedIdentity,
  })
  .check(oneOf(['keyPath', 'keyPaths', 'keyData']))
  .transform(({ type, keyType, keyPath, keyPaths, keyData, signedIdentity }) =>
    keyType === 'GPGKeys'
      ? { type, keys: sources(keyPath, keyPaths, keyData), signedIdentity }
      : { type: 'unsupported' as const, what: `signedBy with keyType ${keyType}` },
  );

const fulcio = z
  .strictObject({
    caPath: path.optional(),
    caData: base64.optional(),
    oidcIssuer: z.string().min(1, 'is empty'),
    subjectEmail: z.string().min(1, 'is empty'),
  })
  .check(oneOf(['caPath', 'caData']));

const pki = z
  .strictObject({
    caRootsPath: path.optional(),
    caRootsData: base64.optional(),
    caIntermediatesPath: path.optional(),
    caIntermediatesData: base64.optional(),
    subjectEmail: z.string().optional(),
    subjectHostname: z.string().optional(),
  })
  .check(oneOf(['caRootsPath', 'caRootsData']), oneOf(['caIntermediatesPath', 'caIntermediatesData'], true))
  .refine(
    ({ subjectEmail, subjectHostname }) => subjectEmail || subjectHostname,
    'needs subjectEmail or subjectHostname',
  );

const rekorKeys = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'];

const sigstoreSigned = z
  .strictObject({
    type: z.literal('sigstoreSigned'),
    keyPath: path.optional(),
    keyPaths: z.array(path).min(1, 'is empty').optional(),
    keyData: base64.optional(),
    keyDatas: z.array(base64).min(1, 'is empty').optional(),
    fulcio: fulcio.optional(),
    pki: pki.optional(),
    rekorPublicKeyPath: path.optional(),
    rekorPublicKeyPaths: z.array(path).min(1, 'is empty').optional(),
    rekorPublicKeyData: base64.optional(),
    rekorPublicKeyDatas: z.array(base64).min(1, 'is empty').optional(),
    signedIdentity,
  })
  .check(oneOf(['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki']), oneOf(rekorKeys, true))
  .check(({ value, issues }) => {
    const logged = rekorKeys.some((key) => Object.hasOwn(value, key));
    if (value.fulcio && !logged)
      issues.push({ code: 'custom', input: value, path: ['fulcio'], message: 'needs a Rekor key' });
    if (value.pki && logged)
      issues.push({ code: 'custom', input: value, path: ['pki'], message: 'excludes Rekor keys' });
  })
  .transform((given) => {
    const { type, signedIdentity } = given;
    const certificates = given.fulcio ? 'fulcio' : given.pki ? 'pki' : undefined;
    if (certificates) return { type: 'unsupported' as const, what: `sigstoreSigned with ${certificates}` };
    return {
      type,
      keys: sources(given.keyPath, given.keyPaths, given.keyData, given.keyDatas),
      rekorKeys: sources(
        given.rekorPublicKeyPath,
        given.rekorPublicKeyPaths,
        given.rekorPublicKeyData,
        given.rekorPublicKeyDatas,
      ),
      signedIdentity,
    };
  });

const signedBaseLayer = z
  .strictObject({ type: z.literal('signedBaseLayer'), baseLayerIdentity: signedIdentity.unwrap() })
  .transform(({ type }) => ({ type: 'unsupported' as const, what: type }));

const requirement = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('insecureAcceptAnything') }),
  z.strictObject({ type: z.literal('reject') }),
  signedBy,
  sigstoreSigned,
  signedBaseLayer,
]);

const requirements = z.array(requirement).min(1, 'the list is empty: nothing would be required');

// Names never have these, so a scope with one would match nothing and protect nothing.
const dockerScope = z.string().superRefine((scope, context) => {
  const wrong = (message: string) => context.addIssue({ code: 'custom', message });
  if (scope.includes('://')) wrong('a scope has no scheme such as docker:// or https://');
  else if (/\s/.test(scope)) wrong('a scope has no spaces');
  else if (scope.endsWith('/')) wrong('a scope does not end in a slash');
  else if (scope.includes('*') && !/^\*\.[^*/:@]+$/.test(scope)) wrong('a wildcard is *.domain, without a path');
});

/** One policy file. Transports that are not registries are read as strictly, and used by others. */
export const policyFile = z.strictObject({
  default: requirements,
  transports: z
    .record(z.string(), z.record(z.string(), requirements))
    .default({})
    .check(({ value, issues }) => {
      for (const scope of Object.keys(value['docker'] ?? {})) {
        const message = dockerScope.safeParse(scope).error?.issues[0]?.message;
        if (message) issues.push({ code: 'custom', input: scope, path: ['docker', scope], message });
      }
    }),
});

export type Policy = z.output<typeof policyFile>;
export type Requirement = z.output<typeof requirement>;
export type SignedBy = Extract<Requirement, { type: 'signedBy' }>;
export type SigstoreSigned = Extract<Requirement, { type: 'sigstoreSigned' }>;
