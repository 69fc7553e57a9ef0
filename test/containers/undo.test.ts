import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceMode, SecurityProfile_ProfileType } from '../../src/wire';
import { Ground, untilTerm, type ContainerPart } from './support/ground';

let ground: Ground;
let pod: string;
beforeAll(async () => {
  ground = await Ground.create();
  pod = await ground.pod();
});
afterAll(() => ground.dispose());

/** The pod alone is there: its folder, its memory and its namespace, and nothing of any container. */
async function expectNoContainer(before: readonly string[]): Promise<void> {
  expect(ground.engine.containers.ofSandbox(pod)).toEqual([]);
  expect((await ground.leftovers()).sort()).toEqual([...before].sort());
}

const bad: [string, string, readonly string[], ContainerPart, object][] = [
  ['a command that the image lacks', 'container-command', ['/no/such/program'], {}, { message: /no\/such\/program/ }],
  [
    'a user that the image lacks',
    'container-user',
    untilTerm,
    { linux: { securityContext: { runAsUsername: 'nobody-here' } } },
    { message: /nobody-here/ },
  ],
  [
    'a mount source that cannot be made',
    'container-mount',
    untilTerm,
    { mounts: [{ hostPath: '/proc/version/x', containerPath: '/x' }] },
    { message: /\/proc\/version\/x/ },
  ],
  [
    'a mount source in proc, where nobody makes folders',
    'container-mount',
    untilTerm,
    { mounts: [{ hostPath: '/proc/not/there', containerPath: '/x' }] },
    { message: /\/proc\/not\/there/ },
  ],
  [
    'a mount source that is relative',
    'container-mount',
    untilTerm,
    { mounts: [{ hostPath: 'made/nowhere', containerPath: '/x' }] },
    { message: /made\/nowhere/ },
  ],
  [
    'a mount over a file',
    'container-mount',
    untilTerm,
    { mounts: [{ hostPath: '/etc', containerPath: '/etc/passwd' }] },
    {},
  ],
  [
    'a seccomp profile without an end',
    'argument-invalid',
    untilTerm,
    {
      linux: {
        securityContext: { seccomp: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: '/dev/zero' } },
      },
    },
    { message: /\/dev\/zero.*no regular file/ },
  ],
  [
    'a seccomp profile that is larger than any',
    'argument-invalid',
    untilTerm,
    {
      linux: {
        securityContext: {
          seccomp: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: process.execPath },
        },
      },
    },
    { message: /larger than/ },
  ],
  [
    'a device that is not there',
    'argument-invalid',
    untilTerm,
    { devices: [{ hostPath: '/dev/no-such', containerPath: '/dev/x', permissions: 'rw' }] },
    { message: /\/dev\/no-such/ },
  ],
  ['an image that is not there', 'image-not-found', untilTerm, { image: { image: 'no/such:image' } }, {}],
];

test.each(bad)('%s is told as %s, and nothing of the container is left', async (_, code, command, part, how) => {
  const before = await ground.leftovers();
  const attempt = (async () => {
    const id = await ground.container(pod, command, part);
    try {
      await ground.engine.containers.start(id);
    } finally {
      await ground.engine.containers.remove(id);
    }
  })();
  const expected =
    'message' in how ? { code, message: expect.stringMatching(how.message as RegExp) as unknown } : { code };
  await expect(attempt).rejects.toMatchObject(expected);
  await expectNoContainer(before);
});

test.each([
  ['log_directory', { logDirectory: '/proc/not/there' }],
  [
    'sysctls',
    {
      linux: {
        sysctls: { 'kernel.shmmax': 'all' },
        securityContext: { namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER } },
      },
    },
  ],
])('a pod whose %s the kernel refuses is told so, and nothing of it is left', async (field, part) => {
  const before = await ground.leftovers();
  await expect(ground.pod(part)).rejects.toMatchObject({
    code: 'argument-invalid',
    message: expect.stringContaining(field) as unknown,
  });
  await expectNoContainer(before);
});

test('without the OCI runtime pods and containers are refused by its name, and nothing is left', async () => {
  const before = await ground.leftovers();
  const runtime = join(ground.bin, 'runc');
  await rename(runtime, `${runtime}.away`);
  try {
    await expect(ground.pod()).rejects.toMatchObject({ code: 'program-missing' });
    await expect(ground.container(pod, untilTerm)).rejects.toThrow(runtime);
    await expectNoContainer(before);
  } finally {
    await rename(`${runtime}.away`, runtime);
  }
});

test('a runtime that fails to create is told in its own words, and nothing is left', async () => {
  const before = await ground.leftovers();
  const runtime = join(ground.bin, 'runc');
  await rename(runtime, `${runtime}.away`);
  await writeFile(runtime, '#!/bin/sh\ncase "$*" in *" create "*) echo "no room on this ship" >&2; exit 1;; esac\n', {
    mode: 0o755,
  });
  try {
    await expect(ground.container(pod, untilTerm)).rejects.toThrow(/no room on this ship/);
    await expectNoContainer(before);
  } finally {
    await rename(`${runtime}.away`, runtime);
  }
});
