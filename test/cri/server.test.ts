import { credentials, Metadata, status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { access, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCriServer } from '../../src/cri';
import { admin, ImageServiceService, RuntimeServiceClient, RuntimeServiceService } from '../../src/wire';
import { answer, collect, connect } from './support/connection';
import { deferred } from '../support/deferred';
import { memoryRooms } from './support/rooms';

const folders: string[] = [];
const newFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-socket-'));
  folders.push(folder);
  return folder;
};
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

describe('the socket', () => {
  test('is for root and its group only, below folders that listen makes', async () => {
    await using connection = await connect(memoryRooms());
    const { mode, uid } = await stat(connection.socket);
    expect(mode & 0o777).toBe(0o660);
    expect(uid).toBe(0);
  });

  test('a stale file of a killed process is taken over', async () => {
    const path = join(await newFolder(), 'berth.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script]), 'exit');
    await access(path);
    const server = createCriServer(memoryRooms());
    await server.listen(path);
    server.ready();
    const client = new RuntimeServiceClient(`unix:${path}`, credentials.createInsecure());
    expect((await answer<{ runtimeName: string }>((done) => client.version({ version: '' }, done))).runtimeName).toBe(
      'berth',
    );
    client.close();
    await server.close(1000);
  });

  test('one on which a process answers is left alone', async () => {
    const path = join(await newFolder(), 'berth.sock');
    const other = createServer().listen(path);
    await once(other, 'listening');
    await expect(createCriServer(memoryRooms()).listen(path)).rejects.toMatchObject({
      code: 'state-locked',
      object: path,
    });
    await access(path);
    await new Promise((resolve) => other.close(resolve));
  });

  test('a file that is no socket is left alone', async () => {
    const path = join(await newFolder(), 'berth.sock');
    await writeFile(path, 'precious');
    await expect(createCriServer(memoryRooms()).listen(path)).rejects.toMatchObject({ code: 'config-invalid' });
    await access(path);
  });

  test('a path that no socket can have is refused with its length', async () => {
    const path = join(await newFolder(), 'x'.repeat(100));
    await expect(createCriServer(memoryRooms()).listen(path)).rejects.toMatchObject({
      code: 'config-invalid',
      detail: `the path has ${path.length} bytes; a socket's can have 107`,
    });
  });

  test('a descriptor that is no socket is not adopted', async () => {
    const file = await open(join(await newFolder(), 'file'), 'w');
    await expect(createCriServer(memoryRooms()).adopt(file.fd)).rejects.toMatchObject({
      code: 'config-invalid',
      object: `descriptor ${file.fd}`,
    });
    await file.close();
  });

  test('is gone after close', async () => {
    const path = join(await newFolder(), 'berth.sock');
    const server = createCriServer(memoryRooms());
    await server.listen(path);
    await server.close(1000);
    await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('readiness', () => {
  test('until ready() calls are UNAVAILABLE and say so, but Info answers', async () => {
    await using connection = await connect(memoryRooms(), { ready: false });
    await expect(answer((done) => connection.runtime.version({ version: '' }, done))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'Version: berthd is starting (call again in a moment)',
    });
    await expect(collect(connection.runtime.streamContainers({ filter: undefined }))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    const info = () => answer<admin.InfoResponse>((done) => connection.admin.info({}, done));
    expect((await info()).ready).toBe(false);
    connection.server.ready();
    expect((await info()).ready).toBe(true);
    await answer((done) => connection.runtime.version({ version: '' }, done));
  });

  test('close lets a call in flight finish, and refuses new ones', async () => {
    const rooms = memoryRooms();
    const begun = deferred<void>();
    const finish = deferred<void>();
    rooms.behave('start', () => {
      begun.resolve();
      return finish.promise;
    });
    const path = join(await newFolder(), 'berth.sock');
    const server = createCriServer(rooms);
    await server.listen(path);
    server.ready();
    const client = new RuntimeServiceClient(`unix:${path}`, credentials.createInsecure());
    const inFlight = answer((done) => client.startContainer({ containerId: 'a' }, done));
    await begun.promise;
    const closed = server.close(10_000);
    await expect(answer((done) => client.version({ version: '' }, done))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    finish.resolve();
    await expect(inFlight).resolves.toEqual({});
    await closed;
    client.close();
  });

  test('close cancels what is not done after the grace', async () => {
    const rooms = memoryRooms();
    const begun = deferred<void>();
    rooms.behave('start', (signal) => {
      begun.resolve();
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    });
    const path = join(await newFolder(), 'berth.sock');
    const server = createCriServer(rooms);
    await server.listen(path);
    server.ready();
    const client = new RuntimeServiceClient(`unix:${path}`, credentials.createInsecure());
    const inFlight = answer((done) => client.startContainer({ containerId: 'a' }, done));
    const settled = inFlight.catch((error: unknown) => error);
    await begun.promise;
    await server.close(50);
    expect(await settled).toMatchObject({ code: expect.any(Number) as number });
    expect(rooms.signals[0]?.aborted).toBe(true);
    client.close();
  });
});

describe('the services', () => {
  const definitions = [
    ...Object.values(RuntimeServiceService),
    ...Object.values(ImageServiceService),
    ...Object.values(admin.AdminService),
  ];

  test('all 41 RPCs and the admin four are registered, and none is refused as not there', async () => {
    expect(definitions).toHaveLength(45);
    await using connection = await connect(memoryRooms());
    const refused: string[] = [];
    for (const method of definitions) {
      const outcome = await emptyCall(connection.runtime, method);
      if (outcome.code === status.UNIMPLEMENTED) refused.push(method.path);
    }
    expect(refused).toEqual([]);
  });
});

interface Callable {
  readonly path: string;
  readonly responseStream: boolean;
}

/** Sends an empty request and gives the status, whatever it is. */
function emptyCall(client: RuntimeServiceClient, method: Callable): Promise<{ code: status; details: string }> {
  const bytes = (value: Buffer) => value;
  return new Promise((resolve) => {
    const ok = { code: status.OK, details: '' };
    if (method.responseStream) {
      const stream = client.makeServerStreamRequest(method.path, bytes, bytes, Buffer.alloc(0), new Metadata(), {
        // Events have no end of their own.
        deadline: Date.now() + 1000,
      });
      stream.on('data', () => undefined);
      stream.once('error', resolve);
      stream.once('end', () => resolve(ok));
    } else {
      client.makeUnaryRequest(method.path, bytes, bytes, Buffer.alloc(0), (error) => resolve(error ?? ok));
    }
  });
}
