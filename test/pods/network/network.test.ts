import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../kernel/support';
import { NetworkGround } from '../support/network-ground';

let ground: NetworkGround;
beforeEach(async () => void (ground = await NetworkGround.create()));
afterEach(() => ground.dispose());

const warnings = () => ground.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg);

describe('STATUS', () => {
  test('of every plugin decides whether the network is ready; its code is told', async () => {
    await ground.write('net.d/10.conflist', ground.conflist());
    await ground.fail('STATUS', 50, 'no address is left');
    const network = await ground.open();
    await until('STATUS is answered', () => network.condition().message.includes('code 50'));
    expect(network.condition()).toEqual({
      ready: false,
      reason: 'NetworkPluginNotReady',
      message: expect.stringMatching(
        /plugin one: it cannot serve new pods: no address is left \(CNI code 50\)/,
      ) as string,
    });
    await expect(network.list()).rejects.toMatchObject({ code: 'network-not-ready' });
    expect(await ground.calls('STATUS')).toMatchObject([
      { command: 'one STATUS', id: '', input: { name: 'net', cniVersion: '1.1.0', type: 'one' } },
    ]);

    // Mended; another list is asked at once.
    await ground.remove('fail-STATUS');
    await ground.write('net.d/10.conflist', ground.conflist({ plugins: [{ type: 'two' }] }));
    await until('the network is ready', () => network.condition().ready);
    expect((await network.list()).plugins).toEqual([{ type: 'two' }]);
    expect((await ground.calls('STATUS')).at(-1)?.command).toBe('two STATUS');
    expect(warnings()).toEqual([expect.stringMatching(/^pod network not ready: .*code 50/)]);
  });

  test('is not asked of a list of before 1.1.0, and reads do not ask', async () => {
    await ground.write('net.d/10.conflist', ground.conflist({ cniVersion: '1.0.0' }));
    const network = await ground.open();
    expect(network.condition()).toEqual({ ready: true, reason: '', message: '' });
    expect(await ground.calls()).toEqual([]);
    await ground.write('net.d/10.conflist', ground.conflist());
    await until('the list is loaded and ready', async () => {
      const { ready } = network.condition();
      return ready && (await ground.calls('STATUS')).length === 2;
    });
    for (let i = 0; i < 20; i++) network.condition();
    await network.list();
    expect(await ground.calls('STATUS')).toHaveLength(2);
  });

  test('that is not answered keeps the condition not ready, and a pod waits for it', async () => {
    await ground.write('hold-STATUS', '');
    await ground.write('net.d/10.conflist', ground.conflist());
    const network = await ground.open();
    expect(network.condition().message).toMatch(/net: its plugins have not answered yet/);
    const list = network.list();
    await ground.remove('hold-STATUS');
    expect((await list).name).toBe('net');
  });
});

describe('GC', () => {
  test('is given the attachments on record: when asked for first, and then with each other list', async () => {
    await ground.write('net.d/10.conflist', ground.conflist());
    const network = await ground.open();
    await until('the network is ready', () => network.condition().ready);
    expect(await ground.calls('GC')).toEqual([]);
    ground.attached = ['p1', 'p2'];
    await network.collect();
    const valid = ['p1', 'p2'].map((containerID) => ({ containerID, ifname: 'eth0' }));
    expect(await ground.calls('GC')).toMatchObject(
      ['one', 'two'].map((type) => ({
        command: `${type} GC`,
        id: '',
        input: { type, name: 'net', cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid },
      })),
    );
    ground.attached = [];
    await ground.write('net.d/10.conflist', ground.conflist({ plugins: [{ type: 'two' }] }));
    await until('the other list is collected', async () => (await ground.calls('GC')).length === 3);
    expect((await ground.calls('GC')).at(-1)).toMatchObject({ input: { 'cni.dev/valid-attachments': [] } });
  });

  test.each([
    ['a version without it', { cniVersion: '1.0.0' }],
    ['disableGC', { disableGC: true }],
  ])('is not run with %s', async (_, more) => {
    await ground.write('net.d/10.conflist', ground.conflist(more));
    const network = await ground.open();
    await network.collect();
    expect(await ground.calls('GC')).toEqual([]);
  });

  test('runs beside no ADD or DEL, and its failure is told once', async () => {
    await ground.write('net.d/10.conflist', ground.conflist());
    const network = await ground.open();
    const list = await network.list();
    await ground.fail('GC', 100, 'the test refuses it');
    await ground.write('hold-ADD', '');
    const attaching = network.attach(list, ground.pod('p1'));
    await until('ADD runs', async () => (await ground.calls('ADD')).length === 1);
    const collecting = network.collect();
    // Another pod is not held up by a GC that waits.
    const second = network.attach(list, ground.pod('p2'));
    await until('the second ADD runs', async () => (await ground.calls('ADD')).length === 2);
    await ground.write('hold-GC', '');
    await ground.remove('hold-ADD');
    await Promise.all([attaching, second]);
    await until('GC runs', async () => (await ground.calls('GC')).length === 1);
    const third = network.attach(list, ground.pod('p3'));
    await ground.remove('hold-GC');
    await Promise.all([collecting, third]);
    const order = (await ground.calls()).map(({ command, id }) => `${command} ${id}`.trim());
    expect(order.indexOf('one ADD p3')).toBeGreaterThan(order.indexOf('two GC'));
    expect(order.indexOf('one GC')).toBeGreaterThan(order.indexOf('two ADD p2'));
    await network.collect();
    expect(warnings()).toEqual([expect.stringMatching(/plugin one: the test refuses it/)]);
  });

  test('takes more attachments than one message to the launcher holds', async () => {
    await ground.write('net.d/10.conflist', ground.conflist());
    ground.attached = Array.from({ length: 1500 }, (_, i) => String(i).padStart(64, '0'));
    const network = await ground.open();
    await network.list();
    await network.collect();
    const [call] = await ground.calls('GC');
    expect(call?.input['cni.dev/valid-attachments']).toHaveLength(1500);
    expect(warnings()).toEqual([]);
  });
});

describe('CHECK', () => {
  test('gets what ADD gave, plugin by plugin, and rejects with the one that fails', async () => {
    await ground.write('net.d/10.conflist', ground.conflist());
    const network = await ground.open();
    const { result } = await network.attach(await network.list(), ground.pod('p1'));
    await network.check(ground.conflist(), result, ground.pod('p1'));
    expect(await ground.calls('CHECK')).toMatchObject(
      ['one', 'two'].map((type) => ({
        command: `${type} CHECK`,
        id: 'p1',
        input: { prevResult: { ips: [{ address: '10.9.0.5/24' }] } },
      })),
    );
    await ground.fail('CHECK', 100, 'eth0 is gone');
    await expect(network.check(ground.conflist(), result, ground.pod('p1'))).rejects.toMatchObject({
      code: 'network-plugin-failed',
      message: expect.stringMatching(/CNI CHECK: plugin one: eth0 is gone/) as string,
    });
  });

  test.each([{ cniVersion: '0.3.1' }, { disableCheck: true }])('is not run with %j', async (more) => {
    const network = await ground.open();
    await network.check(ground.conflist(more), '{}', ground.pod('p1'));
    expect(await ground.calls()).toEqual([]);
  });
});

describe('the folder', () => {
  test('that is deleted and made again is still watched', async () => {
    await ground.write('net.d/10.conflist', ground.conflist({ cniVersion: '1.0.0' }));
    const network = await ground.open();
    const folder = join(ground.dir, 'net.d');
    await rm(folder, { recursive: true });
    await until('there is no network', () => !network.condition().ready);
    await mkdir(folder);
    await ground.write('net.d/20.conflist', ground.conflist({ cniVersion: '1.0.0' }));
    await until('the network is back', () => network.condition().ready);
    // Not only looked at once: it is the new folder that is watched.
    await ground.remove('net.d/20.conflist');
    await until('the network is gone', () => !network.condition().ready);
  });

  test('with a file that breaks keeps its network and says which file it is, once', async () => {
    const file = join(ground.dir, 'net.d/10.conflist');
    await writeFile(file, ground.conflist({ cniVersion: '1.0.0' }));
    const network = await ground.open();
    await writeFile(file, '{ "name"');
    await until('the file is told', () => network.condition().message.includes('10.conflist'));
    expect(network.condition()).toMatchObject({ ready: true, reason: '' });
    expect((await network.list()).name).toBe('net');
    await ground.write('net.d/20.other', '');
    await writeFile(`${file}.new`, ground.conflist({ cniVersion: '1.0.0', name: 'mended' }));
    await rename(`${file}.new`, file);
    await until('the mended file is loaded', async () => (await network.list()).name === 'mended');
    expect(network.condition()).toEqual({ ready: true, reason: '', message: '' });
    expect(warnings().filter((line) => line.includes('10.conflist'))).toHaveLength(1);
  });

  test('can be another one after a reload, as can the network and the plugins', async () => {
    await ground.write('net.d/10.conflist', ground.conflist({ cniVersion: '1.0.0' }));
    const network = await ground.open();
    await mkdir(join(ground.dir, 'other'));
    for (const name of ['a', 'b']) {
      await ground.write(`other/${name}.conflist`, ground.conflist({ cniVersion: '1.0.0', name }));
    }
    const next = { confDir: join(ground.dir, 'other'), binDirs: ['/nowhere'], defaultNetwork: 'b' };
    const apply = await network.prepare(next);
    ground.settings = next;
    apply();
    await until('the other network counts', async () => (await network.list()).name === 'b');
    await expect(network.attach(await network.list(), ground.pod('p'))).rejects.toThrow(/no such program in \/nowhere/);
    await ground.remove('other/b.conflist');
    await until('it is gone', () => !network.condition().ready);
    expect(network.condition().message).toMatch(/no network is named "b"; there is a/);
  });
});

describe('a plugin', () => {
  beforeEach(() => ground.write('net.d/10.conflist', ground.conflist({ cniVersion: '1.0.0' })));

  test('that is being written when it is called is called again', async () => {
    const network = await ground.open();
    const writing = await open(join(ground.dir, 'bin/one'), 'r+');
    const attaching = network.attach(await network.list(), ground.pod('p1'));
    setTimeout(() => void writing.close(), 150);
    expect((await attaching).ips).toEqual(['10.9.0.5']);
  });

  test('that writes without end is refused by that', async () => {
    await ground.write('result', `{"ips":[{"address":"10.9.0.5/24"}],"x":"${'x'.repeat(70_000)}"}`);
    const network = await ground.open();
    await expect(network.attach(await network.list(), ground.pod('p1'))).rejects.toMatchObject({
      code: 'network-plugin-failed',
      message: expect.stringMatching(/plugin one: it wrote more than 64 KiB/) as string,
    });
  });

  test('is given a result of more than one message to the launcher holds', async () => {
    await ground.write('result', `{"ips":[{"address":"10.9.0.5/24"}],"x":"${'x'.repeat(60_000)}"}`);
    const network = await ground.open();
    await network.attach(await network.list(), ground.pod('p1'));
    const input = (await ground.calls('ADD'))[1]?.input['prevResult'] as { x: string };
    expect(input.x).toHaveLength(60_000);
  });
});
