import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NamespaceMode } from '../../src/wire';
import { cgroupBelow } from '../support/cgroup-figures';
import { usesSlices } from '../support/environment';
import { images } from '../support/fixtures';
import { berthName } from '../support/layout';
import { run } from '../support/machine';
import { spareDaemon } from '../support/spare-daemon';
import { useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { World } from '../support/world';

/** What only a machine with systemd as init can show: e2e/vm/run has it. */
const withSystemd = usesSlices() ? describe : describe.skip;

interface Info {
  readonly pid: number;
  readonly cgroupPath: string;
}

/** Where systemd and the unified hierarchy, or its own, have a process. */
async function cgroupOf(pid: number | string): Promise<string> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8');
  return /^(?:\d+:name=systemd|0:):(.*)$/m.exec(text)?.[1] ?? '';
}

async function infoOf(world: World, id: string): Promise<Info> {
  const { info } = await world.cri.containerStatusVerbose(id);
  return JSON.parse(info['info'] ?? '{}') as Info;
}

const property = async (unit: string, name: string) =>
  (await run('systemctl', 'show', '--value', `--property=${name}`, '--', unit)).trim();

withSystemd('cgroups that systemd makes', () => {
  const suite = useWorld();

  test('a container is a scope in its pod’s slice, and the scope goes with it', async () => {
    const { world } = suite;
    const pod = await world.runPod(world.podConfig({ host: true }));
    const slice = pod.config.linux?.cgroupParent ?? '';
    const container = await world.start({ linux: { resources: { memoryLimitInBytes: 64n << 20n } } }, pod);
    const scope = `berth-${container.id}.scope`;
    const { pid, cgroupPath } = await infoOf(world, container.id);
    expect(cgroupPath).toBe(`/${slice}/${scope}`);
    expect(await cgroupOf(pid)).toBe(cgroupPath);
    expect(await property(scope, 'Slice')).toBe(slice);
    expect(await property(scope, 'MemoryMax')).toBe(String(64 << 20));
    await world.cri.updateResources(container.id, { memoryLimitInBytes: 80n << 20n });
    expect(await property(scope, 'MemoryMax')).toBe(String(80 << 20));
    // Another unit's change has systemd write the limits that it knows once more.
    await run('systemctl', 'daemon-reload');
    expect(await world.sh(container, 'cat /sys/fs/cgroup/memory.max')).toBe(String(80 << 20));
    await world.removePod(pod.id);
    await until('the scope to be gone', async () => (await property(scope, 'ActiveState')) === 'inactive');
  });

  test('a deeper slice is taken by its name and by its path, as kubelets give it', async () => {
    const { world } = suite;
    const top = world.podConfig().linux?.cgroupParent ?? '';
    const slice = cgroupBelow(top, 'burst');
    for (const cgroupParent of [slice, `/${top}/${slice}`]) {
      const deeper = world.podConfig({ host: true });
      const linux = { ...deeper.linux, cgroupParent } as typeof deeper.linux;
      const pod = await world.runPod({ ...deeper, linux });
      const container = await world.start({}, pod);
      const { pid } = await infoOf(world, container.id);
      expect(await cgroupOf(pid)).toBe(`/${top}/${slice}/berth-${container.id}.scope`);
      await world.removePod(pod.id);
    }
  });

  test('a pod without a cgroup parent has a slice of its own, which goes with it', async () => {
    const { world } = suite;
    const config = world.podConfig({ host: true });
    const pod = await world.runPod({ ...config, linux: { ...config.linux, cgroupParent: '' } as typeof config.linux });
    const container = await world.start({}, pod);
    const { pid } = await infoOf(world, container.id);
    const path = await cgroupOf(pid);
    expect(path).toMatch(/^\/berth\.slice\/(berth-[0-9a-f]{8})\.slice\/\1-pod[0-9a-f]{16}\.slice\/berth-/);
    const slice = path.split('/')[3] ?? '';
    expect(await property(slice, 'ActiveState')).toBe('active');
    await world.removePod(pod.id);
    expect(await property(slice, 'ActiveState')).toBe('inactive');
  });

  test('what a command with a deadline has started ends with it', async () => {
    const { world } = suite;
    const container = await world.start({});
    const command = ['sh', '-c', 'sleep 4321 & sleep 4321'];
    await expect(world.cri.execSync(container.id, command, 1)).rejects.toThrow(/DEADLINE/);
    expect(await world.sh(container, 'ps | grep -c "[s]leep 4321" || true')).toBe('0');
  });

  test('the pause of a shared PID namespace is a scope beside the containers', async () => {
    await using spare = await spareDaemon({});
    const { world } = spare;
    await world.cri.pull(images.busybox);
    const namespaceOptions = {
      network: NamespaceMode.NODE,
      pid: NamespaceMode.POD,
      ipc: NamespaceMode.POD,
      targetId: '',
      usernsOptions: undefined,
    };
    const config = world.podConfig({ linux: { securityContext: { namespaceOptions } } });
    const pod = await world.runPod(config);
    const scope = `berth-infra-${pod.id}.scope`;
    expect(await property(scope, 'Slice')).toBe(config.linux?.cgroupParent);
    const container = await world.start({}, pod);
    expect(await world.sh(container, 'cat /proc/1/comm')).toBe('pause');
    await world.removePod(pod.id);
    expect(await property(scope, 'ActiveState')).toBe('inactive');
  });
});

/** deploy/berth.service for a daemon of the test's. */
async function writeUnit(unit: string, command: readonly string[]): Promise<void> {
  const shipped = await readFile('deploy/berth.service', 'utf8');
  const text = shipped
    .replace(/^(After|Wants|Before)=.*\n/gm, '')
    .replace(/^ExecStart=.*$/m, `Environment=PATH=${process.env['PATH']}\nExecStart=${command.join(' ')}`);
  await writeFile(join('/run/systemd/system', unit), text);
  await run('systemctl', 'daemon-reload');
}

withSystemd('berthd as a service', () => {
  test('its helpers and monitors are in the unit’s cgroup, and monitors outlive a restart and a stop', async () => {
    await using spare = await spareDaemon({});
    const { world, daemon } = spare;
    const unit = `${berthName(daemon.layout)}.service`;
    const systemctl = async (verb: 'start' | 'stop' | 'restart') => {
      world.disconnect();
      await run('systemctl', verb, unit);
      world.reconnect();
      if (verb === 'stop') return;
      const answers = world.cri.listContainers.bind(world.cri);
      await until('the service to be ready', async () => answers().catch(() => false as const), 30_000);
    };
    await world.cri.pull(images.busybox);
    await spare.kill();
    await writeUnit(unit, daemon.command);
    let cgroup = '';
    try {
      await systemctl('start');
      cgroup = await property(unit, 'ControlGroup');
      const main = await property(unit, 'MainPID');
      expect(await cgroupOf(main)).toBe(`${cgroup}/daemon`);
      expect(existsSync(join('/sys/fs/cgroup', cgroup, 'helpers'))).toBe(true);
      const container = await world.start({});
      const [monitor = ''] = (await run('pgrep', '-f', `conmon.*--id ${container.id}`)).trim().split('\n');
      expect(await cgroupOf(monitor)).toBe(`${cgroup}/monitors`);

      await systemctl('restart');
      expect(await property(unit, 'MainPID')).not.toBe(main);
      expect(await cgroupOf(monitor)).toBe(`${cgroup}/monitors`);
      expect(await world.sh(container, 'echo alive')).toBe('alive');

      await systemctl('stop');
      expect(await cgroupOf(monitor)).toBe(`${cgroup}/monitors`);
      await systemctl('start');
      expect(await world.sh(container, 'echo alive')).toBe('alive');
    } finally {
      await systemctl('stop');
      await rm(join('/run/systemd/system', unit));
      await run('systemctl', 'daemon-reload');
      // By hand once more: it ends what the service's helpers left, and takes up the container.
      await spare.launch();
      await world.clear();
    }
    await until('the cgroup of the service to be gone', () => !existsSync(join('/sys/fs/cgroup', cgroup)));
  });
});
