import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLog } from '../../../src/base';
import { createStreamingServer, openAttach, openExec } from '../../../src/streaming';
import { Authority } from '../../support/authority';
import { ShellTarget } from '../shell-target';

test('exec and attach come over TLS, whoever has signed the certificate', async () => {
  await using authority = await Authority.create();
  const folder = await mkdtemp(join(tmpdir(), 'berth-tls-'));
  try {
    const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    const { cert, key } = await authority.serverCertificate('node.example.org');
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
    const target = new ShellTarget();
    const server = createStreamingServer({ host: '127.0.0.1', port: 0, tls: files, target, log: silentLog() });
    await server.listen();
    try {
      const streams = { stdin: true, stdout: true, stderr: false, tty: false };
      const request = { containerId: 'c', ...streams };
      const exec = await openExec(server.execUrl({ ...request, cmd: ['cat'] }), streams);
      exec.stdin?.end('over TLS');
      expect([exec.stdout && (await text(exec.stdout)), await exec.status]).toEqual(['over TLS', 0]);
      const attached = await openAttach(server.attachUrl(request), streams);
      attached.stdin?.end('this too');
      expect([attached.stdout && (await text(attached.stdout)), await attached.status]).toEqual(['this too', 0]);
    } finally {
      await server.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
