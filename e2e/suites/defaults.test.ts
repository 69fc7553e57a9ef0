import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { images } from '../support/fixtures';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';

const runtime = `[runtime]
default_env = ["FROM_NODE=node", "BOTH=node"]
default_capabilities = ["CAP_KILL", "chown"]
default_ulimits = ["nofile=512:1024", "core=0"]
additional_devices = ["/dev/loop-control:/dev/extra:r"]
timezone = "Asia/Kathmandu"
`;

berthOnly('what the configuration gives every container', () => {
  let spare: SpareDaemon;
  beforeAll(async () => {
    spare = await spareDaemon({ network: false, config: runtime });
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  /** What a shell in a new container says. */
  const said = async (script: string, config = {}): Promise<string> => {
    return (await spare.world.sh(await spare.world.start(config), script)).trim();
  };

  test('variables, under its own', async () => {
    const envs = [{ key: 'BOTH', value: Buffer.from('own') }];
    expect(await said('echo $FROM_NODE $BOTH', { envs })).toBe('node own');
  });

  test('capabilities, where it asks for none', async () => {
    // CAP_CHOWN is number 0, CAP_KILL 5.
    expect(await said('grep CapEff /proc/1/status')).toMatch(/0000000000000021$/);
  });

  test('resource limits, which what is run in it later has too', async () => {
    expect(await said("grep 'Max open files' /proc/1/limits")).toMatch(/512 +1024/);
    // The soft one of files is left out: runc before 1.1.13 may leave it at the hard one's value for an exec.
    expect(await said('ulimit -Hn; ulimit -c')).toBe('1024\n0');
  });

  test('devices, with their permissions', async () => {
    // Node 10:237 is not among those that every container may write to.
    expect(await said('ls -l /dev/extra')).toMatch(/^c.* 10, +237 /);
    expect(await said('(: < /dev/extra) && ! (: > /dev/extra) 2>&1')).toMatch(/not permitted/);
  });

  test('the time zone; a mount of its own at the place wins', async () => {
    expect(await said('date +%Z%z')).toBe('+0545+0545');
    const own = { containerPath: '/etc/localtime', hostPath: '/usr/share/zoneinfo/Asia/Tokyo', readonly: true };
    expect(await said('date +%Z', { mounts: [own] })).toBe('JST');
  });

  test('another start with what cannot be says which key', async () => {
    const file = join(spare.daemon.layout.dir, 'berth.toml');
    for (const [line, message] of [
      ['timezone = "Nowhere/Land"', /runtime\.timezone.*zoneinfo\/Nowhere\/Land/],
      ['default_ulimits = ["nofile=5:4"]', /runtime\.default_ulimits\.0.*not above the hard/],
      ['default_ulimits = ["files=5"]', /runtime\.default_ulimits\.0.*a limit of Linux/],
      ['additional_devices = ["dev/x"]', /runtime\.additional_devices\.0/],
      ['default_env = ["=x"]', /runtime\.default_env\.0/],
    ] as const) {
      await writeFile(file, `[runtime]\n${line}\n`);
      expect(await spare.reload()).toMatchObject({ level: 50, msg: expect.stringMatching(message) as string });
    }
  });
});
