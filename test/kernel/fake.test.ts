import { FakeKernel } from '../../src/kernel';

describe('the fake', () => {
  test('records calls in order, without signals', async () => {
    const fake = new FakeKernel();
    await fake.run({ path: 'a', args: [] }, AbortSignal.timeout(1000));
    await fake.unmount('/x');
    expect(fake.calls).toEqual([
      { method: 'run', args: [{ path: 'a', args: [] }] },
      { method: 'unmount', args: ['/x'] },
    ]);
    expect(fake.callsOf('unmount')).toEqual([['/x']]);
  });

  test('fails once, then goes on; a script answers', async () => {
    const fake = new FakeKernel();
    fake.failNext('mountBind', new Error('no'));
    const mount = { source: '/a', target: '/b', readonly: true, recursive: false };
    await expect(fake.mountBind(mount)).rejects.toThrow('no');
    await fake.mountBind(mount);
    fake.script('identify', async (pid) => ({ pid, startTime: 7n }));
    expect(await fake.identify(5)).toEqual({ pid: 5, startTime: 7n });
  });

  test('keeps files, cgroups and monitors', async () => {
    const fake = new FakeKernel();
    fake.files.set('/root/etc/passwd', Buffer.from('x'));
    expect((await fake.readInRoot('/root', '/etc/passwd', 10))?.toString()).toBe('x');
    expect(await fake.readInRoot('/root', '/etc/group', 10)).toBeUndefined();
    await fake.createCgroup('/a');
    expect([await fake.missingCgroup('/a'), await fake.missingCgroup('/b')]).toEqual([undefined, '/b']);
    const monitor = await fake.startMonitor({ path: 'conmon', args: [] });
    expect(await fake.signal(monitor, 9)).toBe(true);
    const { stdin, result } = await fake.runStreamed({ path: 'unpack', args: [] });
    stdin.end('bytes');
    expect(await result).toMatchObject({ exitCode: 0 });
  });
});
