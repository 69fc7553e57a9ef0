import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Kernel } from '../../src/kernel';
import { Ground, until } from './support';

describe('namespaces', () => {
  const ground = new Ground();
  const path = (name: string) => join(ground.dir, name);
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await ground.start();
  });
  afterEach(async () => {
    for (const name of ['net', 'ipc', 'uts', 'user']) await kernel.unpinNamespace(path(name));
  });
  afterAll(() => ground.dispose());

  const inside = async (...args: string[]) => {
    const result = await kernel.run({ path: 'nsenter', args: [...args], env: { PATH: process.env['PATH'] ?? '' } });
    return `${result.stdout.toString()}${result.stderr.toString()}`;
  };

  /** Runs a program of Node's in the namespace, and gives it with the first connection to its port. */
  const serving = async (program: string, port: number, signal?: AbortSignal) => {
    await kernel.pinNamespaces({ net: path('net'), sysctls: {} });
    const args = [`--net=${path('net')}`, process.execPath, '-e', program];
    const ended = kernel.run({ path: 'nsenter', args }, signal);
    ended.catch(() => undefined);
    for (let tries = 0; tries < 200; tries++) {
      const connection = await kernel.dial(path('net'), port).catch(() => undefined);
      if (connection) return { connection, ended };
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('nobody listens');
  };

  /** Sockets that this process has. */
  const sockets = () => readdirSync('/proc/self/fd').filter(isSocket).length;
  const isSocket = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  /** Processes in the helpers' cgroup. */
  const helpers = () => {
    const group = `${ground.cgroupBase}/helpers`;
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isIn(pid, group)).length;
  };
  const isIn = (pid: string, group: string) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(group);
    } catch {
      return false;
    }
  };

  test('are pinned with hostname, sysctls and lo', async () => {
    const sysctls = {
      'net.ipv4.ip_unprivileged_port_start': '7',
      'kernel.shm_rmid_forced': '1',
      'net/ipv4/tcp_syncookies': '0',
    };
    await kernel.pinNamespaces({ net: path('net'), ipc: path('ipc'), uts: path('uts'), hostname: 'pod-x', sysctls });
    const nets = [`--net=${path('net')}`, `--ipc=${path('ipc')}`, `--uts=${path('uts')}`];
    const files = [
      'net/ipv4/ip_unprivileged_port_start',
      'kernel/shm_rmid_forced',
      'net/ipv4/tcp_syncookies',
      'kernel/hostname',
    ];
    expect(await inside(...nets, 'cat', ...files.map((file) => `/proc/sys/${file}`))).toBe('7\n1\n0\npod-x\n');
    expect(await inside(`--net=${path('net')}`, 'ip', '-o', 'link', 'show', 'lo')).toContain('LOOPBACK,UP');
    expect(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')).not.toBe('7\n');
  });

  test('a user namespace owns the others, which are set up as before', async () => {
    const sysctls = {
      'net.ipv4.ip_unprivileged_port_start': '7',
      'kernel.shm_rmid_forced': '1',
      'fs.mqueue.msg_max': '9',
    };
    const map = (hostId: number) => [{ containerId: 0, hostId, length: 65_536 }];
    const idmap = { uids: map(131_072), gids: map(196_608) };
    const user = { path: path('user'), idmap };
    const others = { net: path('net'), ipc: path('ipc'), uts: path('uts') };
    await kernel.pinNamespaces({ ...others, user, hostname: 'pod-u', sysctls });
    const enter = ['net', 'ipc', 'uts', 'user'].map((kind) => `--${kind}=${path(kind)}`);
    const files = [
      'self/uid_map',
      'self/gid_map',
      ...Object.keys(sysctls).map((name) => `sys/${name.replaceAll('.', '/')}`),
    ];
    const said = await inside(...enter, 'cat', ...files.map((file) => `/proc/${file}`), '/proc/sys/kernel/hostname');
    expect(said.trim().split(/\s+/)).toEqual([
      ...['0', '131072', '65536', '0', '196608', '65536'],
      ...['7', '1', '9', 'pod-u'],
    ]);
    await expect(kernel.dial(path('net'), 81)).rejects.toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    const [counters] = await kernel.interfaceCounters([path('net')]);
    expect(counters?.map(({ name }) => name)).toEqual(['lo']);
    expect(
      await inside(
        ...enter,
        'sh',
        '-c',
        'hostname changed && ip link add v0 type veth peer name v1 && ip link show lo',
      ),
    ).toContain('LOOPBACK,UP');
  });

  test('a sysctl that fails in a user namespace pins nothing and is named', async () => {
    const map = [{ containerId: 0, hostId: 131_072, length: 65_536 }];
    const user = { path: path('user'), idmap: { uids: map, gids: map } };
    const pin = kernel.pinNamespaces({ net: path('net'), user, sysctls: { 'kernel.pid_max': '4194304' } });
    await expect(pin).rejects.toMatchObject({
      code: 'kernel-refused',
      message: expect.stringMatching(/sysctl kernel\.pid_max=4194304: E(ACCES|PERM)/) as string,
    });
    expect(existsSync(path('net')) || existsSync(path('user'))).toBe(false);
  });

  test('ids that cannot be mapped are told', async () => {
    const twice = [0, 10].map((containerId) => ({ containerId, hostId: 131_072, length: 100 }));
    const user = { path: path('user'), idmap: { uids: twice, gids: twice } };
    await expect(kernel.pinNamespaces({ net: path('net'), user, sysctls: {} })).rejects.toMatchObject({
      code: 'kernel-refused',
      message: expect.stringMatching(/uid_map .*EINVAL/) as string,
    });
    expect(existsSync(path('net')) || existsSync(path('user'))).toBe(false);
  });

  test('only those asked for are made; unpinning is idempotent', async () => {
    await kernel.pinNamespaces({ ipc: path('ipc'), sysctls: {} });
    expect(existsSync(path('net'))).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toContain(` ${path('ipc')} `);
    await kernel.unpinNamespace(path('ipc'));
    await kernel.unpinNamespace(path('ipc'));
    expect(existsSync(path('ipc'))).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(` ${path('ipc')} `);
  });

  test('a sysctl that there is not pins nothing and is named', async () => {
    const pin = kernel.pinNamespaces({ net: path('net'), sysctls: { 'net.no.such': '1' } });
    await expect(pin).rejects.toMatchObject({
      code: 'kernel-refused',
      message: expect.stringMatching(/sysctl net\.no\.such=1: ENOENT/) as string,
    });
    expect(existsSync(path('net'))).toBe(false);
  });

  test('a file in the way takes the others back', async () => {
    mkdirSync(path('uts'));
    await expect(kernel.pinNamespaces({ net: path('net'), uts: path('uts'), sysctls: {} })).rejects.toMatchObject({
      message: expect.stringContaining('EEXIST') as string,
    });
    expect(existsSync(path('net'))).toBe(false);
    await kernel.removeTree(path('uts'));
  });

  test('a port inside is dialled, both ways, with half-close', async () => {
    const program = `
      const server = require('net').createServer({ allowHalfOpen: true }, (socket) => {
        let size = 0;
        socket.on('data', (data) => { size += data.length; });
        socket.on('end', () => { socket.end('got ' + size); server.close(); });
      });
      server.listen(8080, '127.0.0.1', () => console.log('listening'));`;
    const { connection, ended } = await serving(program, 8080);
    connection.end(Buffer.alloc(3_000_000));
    expect(await text(connection)).toBe('got 3000000');
    expect((await ended).exitCode).toBe(0);
    const [gone, counters] = await kernel.interfaceCounters([path('gone'), path('net')]);
    expect(gone).toBeUndefined();
    expect(counters?.map(({ name }) => name)).toEqual(['lo']);
    expect(counters?.[0]?.rxBytes).toBeGreaterThan(3_000_000n);
    // Nothing goes another way on lo, and packets of it have at most 64 KiB.
    expect(counters?.[0]?.txBytes).toBe(counters?.[0]?.rxBytes);
    expect(counters?.[0]?.rxPackets).toBeGreaterThan(45n);
    expect(counters?.[0]?.txPackets).toBe(counters?.[0]?.rxPackets);
    const { rxErrors, rxDrops, txErrors, txDrops } = counters?.[0] ?? {};
    expect([rxErrors, rxDrops, txErrors, txDrops]).toEqual([0n, 0n, 0n, 0n]);
  });

  test('a port where nobody listens is refused with its number', async () => {
    await kernel.pinNamespaces({ net: path('net'), sysctls: {} });
    await expect(kernel.dial(path('net'), 81)).rejects.toMatchObject({
      code: 'kernel-refused',
      message: expect.stringMatching(/port 81 .*ECONNREFUSED/) as string,
    });
  });

  test('no process stands behind a dialled connection, and one that is given up leaves no descriptor', async () => {
    const program = `
      const server = require('net').createServer((socket) => socket.on('error', () => undefined).resume());
      server.listen(8082, '::1');`;
    const controller = new AbortController();
    const { connection: first, ended } = await serving(program, 8082, controller.signal);
    const before = sockets();
    const standing = await Promise.all(Array.from({ length: 20 }, () => kernel.dial(path('net'), 8082)));
    expect(sockets()).toBe(before + 20);
    // The server is the one helper that runs.
    await until('one helper', () => helpers() === 1);
    const given = Array.from({ length: 20 }, async (_, index) => {
      const gone = new AbortController();
      const dialling = kernel.dial(path('net'), 8082, gone.signal).then((socket) => socket.destroy());
      setTimeout(() => gone.abort(), index / 4);
      await dialling.catch(() => undefined);
    });
    await Promise.all(given);
    for (const socket of [first, ...standing]) socket.destroy();
    await until('no socket', () => sockets() === before - 1);
    controller.abort();
    await ended.catch(() => undefined);
  });

  test('a dialled connection whose other side does not read holds up nobody', async () => {
    const program = `require('net').createServer((socket) => socket.pause()).listen(8083, '127.0.0.1');`;
    const controller = new AbortController();
    const { connection, ended } = await serving(program, 8083, controller.signal);
    // More than the kernel keeps: a socket that blocks would end this test here.
    connection.write(Buffer.alloc(64 << 20));
    expect(connection.writableLength).toBeGreaterThan(0);
    connection.destroy();
    controller.abort();
    await ended.catch(() => undefined);
  });

  test('a dialled connection that is destroyed ends on the other side', async () => {
    const program = `
      const server = require('net').createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('close', () => process.exit(5));
      });
      server.listen(8081, '127.0.0.1');`;
    const { connection, ended } = await serving(program, 8081);
    connection.destroy();
    await once(connection, 'close');
    expect((await ended).exitCode).toBe(5);
  });
});
