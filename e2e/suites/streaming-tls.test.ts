import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../../test/support/authority';
import { CommandSocket } from '../../test/support/command-socket';
import { images } from '../support/fixtures';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

berthOnly('streams over TLS', () => {
  let authority: Authority;
  let folder: string;
  let spare: SpareDaemon;
  let container: Running;
  const file = (name: string) => join(folder, name);

  /** A certificate for the address that URLs have, and its key. */
  const renew = async () => {
    const { cert, key } = await authority.serverCertificate('127.0.0.1');
    await Promise.all([writeFile(file('tls.crt'), cert), writeFile(file('tls.key'), key)]);
  };

  beforeAll(async () => {
    authority = await Authority.create('kubelets');
    folder = await mkdtemp(join(tmpdir(), 'berth-e2e-tls-'));
    await renew();
    const config = `[streaming]
host = "0.0.0.0"
tls_cert = "${file('tls.crt')}"
tls_key = "${file('tls.key')}"
client_ca = "${authority.file}"
max_sessions = 1
`;
    spare = await spareDaemon({ network: false, config });
    await spare.world.cri.pull(images.busybox);
    container = await spare.world.start();
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await authority[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const urlOf = (script: string) => {
    const streams = { stdin: true, stdout: true, stderr: true, tty: false };
    return spare.world.cri.exec({ containerId: container.id, cmd: ['sh', '-c', script], ...streams });
  };
  const open = async (url: string) => {
    const ca = authority.certificate;
    return CommandSocket.open(url, 'v5.channel.k8s.io', { ca, ...(await authority.clientCertificate('kubelet')) });
  };
  const out = async (script: string) => (await (await open(await urlOf(script))).end()).stdout;

  test('an exec is served at an address that the certificate can be for, to who shows a certificate', async () => {
    const url = await urlOf('echo over TLS');
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/exec\//);
    await expect(CommandSocket.open(url, 'v5.channel.k8s.io', { ca: authority.certificate })).rejects.toThrow();
    expect((await (await open(url)).end()).stdout).toBe('over TLS\n');
  });

  test('a reload takes new certificates, and fails with those that cannot be used', async () => {
    await writeFile(file('tls.crt'), 'no certificate');
    const refused = await spare.reload();
    expect(refused).toMatchObject({ level: 50 });
    expect(refused.msg).toContain(file('tls.crt'));
    expect(await out('echo as before')).toBe('as before\n');
    await renew();
    expect(await spare.reload()).toMatchObject({ level: 30 });
    expect(await out('echo anew')).toBe('anew\n');
  });

  test('a session too many is answered 429, and its URL is good once there is room', async () => {
    const first = await open(await urlOf('cat'));
    const url = await urlOf('echo second');
    await expect(open(url)).rejects.toThrow('429');
    first.endStdin();
    await first.end();
    // The server sees the end of the first when its client has seen it.
    const second = await until('room', () => open(url).catch(() => undefined));
    expect((await second.end()).stdout).toBe('second\n');
  });
});
