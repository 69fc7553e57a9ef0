import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import * as wire from '../../src/wire';
import { descriptorFacts, descriptorSchema } from './descriptors';
import { fixtureFacts } from './fixture';

const repository = join(__dirname, '../..');
const buf = (...args: string[]) =>
  execFileSync(join(repository, 'node_modules/.bin/buf'), args, { cwd: repository, maxBuffer: 64 * 1024 * 1024 });

describe('proto/ against test/fixtures/cri-v1-wire.txt', () => {
  const json: unknown = JSON.parse(buf('build', 'proto', '-o', '-#format=json').toString());
  const fixture = fixtureFacts();
  const proto = descriptorFacts(descriptorSchema.parse(json), 'runtime.v1');

  test('the fixture is whole: both services, all 41 RPCs, 160 messages and more', () => {
    const count = (form: RegExp) => [...fixture].filter((fact) => form.test(fact)).length;
    expect(count(/^service \w+$/)).toBe(2);
    expect(count(/^service \w+ \w+: /)).toBe(41);
    expect(count(/^message \w+$/)).toBeGreaterThan(160);
    expect(
      new Set([...fixture].filter((fact) => fact.startsWith('enum ')).map((fact) => fact.split(' ')[1])).size,
    ).toBe(11);
  });

  test('everything in the fixture is in the proto', () => {
    expect([...fixture].filter((fact) => !proto.has(fact))).toEqual([]);
  });

  test('nothing else is in the proto', () => {
    expect([...proto].filter((fact) => !fixture.has(fact))).toEqual([]);
  });

  test('every map is one from text to text', () => {
    const entry = z.object({
      options: z.object({ mapEntry: z.literal(true) }),
      field: z.array(z.object({ name: z.string(), type: z.string() })),
    });
    const files = z.object({
      file: z.array(
        z.object({
          messageType: z.array(z.object({ name: z.string(), nestedType: z.array(entry).default([]) })).default([]),
        }),
      ),
    });
    const entries = files.parse(json).file.flatMap((file) => file.messageType.flatMap((message) => message.nestedType));
    expect(entries.length).toBeGreaterThan(20);
    for (const { field } of entries) expect(field.map(({ type }) => type)).toEqual(['TYPE_STRING', 'TYPE_STRING']);
  });
});

describe('src/wire/gen', () => {
  test('is what `npm run gen` makes of proto/', () => {
    const out = mkdtempSync(join(tmpdir(), 'berth-gen-'));
    try {
      buf('generate', '--template', 'proto/buf.gen.yaml', '-o', out, 'proto');
      expect(tree(join(out, 'src/wire/gen'))).toEqual(tree(join(repository, 'src/wire/gen')));
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  test('every message of the fixture has an encoder in src/wire', () => {
    const messages = [...fixtureFacts()].flatMap((fact) => /^message (\w+)$/.exec(fact)?.[1] ?? []);
    expect(messages.filter((name) => !Object.hasOwn(wire, name))).toEqual([]);
  });
});

describe('encoders', () => {
  test('a container configuration comes back as it went: bytes, bigint below 0, maps, nested, enum, odd names', () => {
    const config = wire.ContainerConfig.fromPartial({
      metadata: { name: 'web', attempt: 3 },
      image: { image: 'sha256:abc', userSpecifiedImage: 'example.org/web:1' },
      envs: [{ key: 'RAW', value: Buffer.of(0xff, 0x00, 0x80) }],
      mounts: [{ containerPath: '/data', uidMappings: [{ hostId: 4294967295, containerId: 0, length: 1 }] }],
      labels: { 'io.kubernetes.pod.name': 'web-0', '': 'empty key' },
      linux: {
        resources: { cpuQuota: -1n, memoryLimitInBytes: 2n ** 63n - 1n },
        securityContext: { runAsUser: { value: 0n } },
      },
      CDIDevices: [{ name: 'vendor.example/class=a' }],
      stopSignal: wire.Signal.SIGNAL_SIGRTMAX,
    });
    const back = wire.ContainerConfig.decode(wire.ContainerConfig.encode(config).finish());
    expect(back).toEqual(config);
    expect(back.envs[0]?.value).toEqual(Buffer.of(0xff, 0x00, 0x80));
    expect(back.linux?.resources?.memoryLimitInBytes).toBe(9223372036854775807n);
    expect(back.linux?.securityContext?.runAsUser).toEqual({ value: 0n });
    expect(back.linux?.securityContext?.runAsGroup).toBeUndefined();
  });

  test('bytes on the wire: field 20 of ImageSpec, uint64 beyond int64, a double', () => {
    const image = wire.ImageSpec.encode(wire.ImageSpec.fromPartial({ imageRef: 'x' })).finish();
    expect(Buffer.from(image).toString('hex')).toBe('a2010178');
    const most = wire.UInt64Value.encode({ value: 2n ** 64n - 1n }).finish();
    expect(Buffer.from(most).toString('hex')).toBe('08ffffffffffffffffff01');
    const psi = wire.PsiData.fromPartial({ Total: 1n, Avg10: 0.5 });
    expect(wire.PsiData.decode(wire.PsiData.encode(psi).finish())).toEqual(psi);
  });

  test('a field that a newer client sends is passed over', () => {
    const known = wire.VersionRequest.encode({ version: 'v1' }).finish();
    expect(wire.VersionRequest.decode(Buffer.concat([known, Buffer.from('9a060161', 'hex')]))).toEqual({
      version: 'v1',
    });
  });
});

/** Every file below a folder with its text. */
function tree(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}
