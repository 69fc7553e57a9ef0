import { images } from '../../fixtures';
import { contradictions, type ContradictionsOf } from './contradiction';

const { refused, served, either, started } = contradictions('CreateContainer');
const context = 'config.linux.security_context';

/** What a container cannot be, but for its mounts, devices and limits. */
export const containerContradictions: ContradictionsOf = ({ folder, pod, exited, running, victim, stopped }) => [
  refused('in a pod that is stopped', { pod_sandbox_id: stopped.id }),
  refused('in a pod that is not there', { pod_sandbox_id: 'f'.repeat(64) }),
  refused('in a container', { pod_sandbox_id: running }),
  served('of another pod’s configuration', {
    sandbox_config: { metadata: { name: 'other', uid: 'u', namespace: 'n' } },
  }),
  refused('an image that is not there', { 'config.image.image': 'registry.e2e.test/never-pulled:1' }),
  refused('an image that is a file', { 'config.image.image': '/etc/passwd' }),
  refused('an artifact for an image', { 'config.image.image': images.artifact }),
  refused('an image without a command, and none', {
    'config.image.image': images.noCommand,
    'config.command': undefined,
    'config.args': undefined,
  }),

  refused('PIDs of a container that is not there', {
    [`${context}.namespace_options`]: { network: 2n, pid: 3n, target_id: 'nobody' },
  }),
  refused('PIDs of nobody', { [`${context}.namespace_options`]: { network: 2n, pid: 3n } }),
  refused('PIDs of a container of another pod', {
    [`${context}.namespace_options`]: { network: 2n, pid: 3n, target_id: victim.running },
  }),
  refused('PIDs of a container that has exited', {
    [`${context}.namespace_options`]: { network: 2n, pid: 3n, target_id: exited },
  }),
  refused('PIDs of a pod', { [`${context}.namespace_options`]: { network: 2n, pid: 3n, target_id: pod.id } }),
  refused('a user namespace that the pod has not', {
    [`${context}.namespace_options.userns_options`]: {
      mode: 0n,
      uids: [{ host_id: 0n, container_id: 0n, length: 1n }],
      gids: [{ host_id: 0n, container_id: 0n, length: 1n }],
    },
  }),
  refused('a user namespace of its own', { [`${context}.namespace_options.userns_options`]: { mode: 1n } }),
  refused('a user namespace of the node with mappings', {
    [`${context}.namespace_options.userns_options`]: { mode: 2n, uids: [{ length: 5n }] },
  }),

  either('a user by id and by name', {
    [`${context}.run_as_user`]: { value: 7n },
    [`${context}.run_as_username`]: 'web',
  }),
  refused('a group without a user', { [`${context}.run_as_group`]: { value: 7n } }),
  refused('a user below 0', { [`${context}.run_as_user`]: { value: -1n } }),
  refused('a user beyond the highest', { [`${context}.run_as_user`]: { value: 2n ** 31n } }),
  refused('a user that is the kernel’s nobody', { [`${context}.run_as_user`]: { value: 2n ** 32n - 1n } }),
  refused('a user that the image has not', { [`${context}.run_as_username`]: 'not-there' }),
  refused('a user with a colon', { [`${context}.run_as_username`]: 'root:x:0' }),
  refused('a group below 0', { [`${context}.supplemental_groups`]: [-1n] }),
  refused('more groups than Linux has', {
    [`${context}.supplemental_groups`]: Array.from({ length: 70_000 }, (_, id) => BigInt(id)),
  }),
  started('as many groups as Linux has', {
    [`${context}.supplemental_groups`]: Array.from({ length: 65_000 }, (_, id) => BigInt(id)),
  }),
  refused('a group policy that CRI has not', { [`${context}.supplemental_groups_policy`]: 9n }),

  ...[
    ['relative', 'profile.json'],
    ['through dots', '../../etc/passwd'],
    ['no profile', '/etc/passwd'],
    ['not there', `${folder}/no-profile.json`],
    ['a folder', '/etc'],
    ['without an end', '/dev/zero'],
    ['of the kernel', '/proc/kmsg'],
    ['a terminal', '/dev/tty'],
    ['empty', ''],
  ].flatMap(([name = '', path = '']) => [
    refused(`a seccomp profile that is ${name}`, { [`${context}.seccomp`]: { profile_type: 2n, localhost_ref: path } }),
    ...(path === ''
      ? []
      : [
          refused(`an old seccomp profile that is ${name}`, {
            [`${context}.seccomp_profile_path`]: `localhost/${path}`,
          }),
        ]),
  ]),
  served('a seccomp profile beside the default', {
    [`${context}.seccomp`]: { profile_type: 0n, localhost_ref: '/dev/zero' },
  }),
  refused('a kind of seccomp profile that CRI has not', { [`${context}.seccomp`]: { profile_type: 9n } }),
  refused('an AppArmor profile without a name', { [`${context}.apparmor`]: { profile_type: 2n } }),
  refused('an AppArmor profile that is not loaded', {
    [`${context}.apparmor`]: { profile_type: 2n, localhost_ref: 'not-loaded' },
  }),
  refused('an AppArmor profile by a path', {
    [`${context}.apparmor`]: { profile_type: 2n, localhost_ref: '../../x\ny' },
  }),
  refused('privileged in a pod that is not', { [`${context}.privileged`]: 1n }),
  refused('a capability that Linux has not', { [`${context}.capabilities`]: { add_capabilities: ['FLY'] } }),
  served('a capability added and dropped', {
    [`${context}.capabilities`]: { add_capabilities: ['KILL', 'ALL'], drop_capabilities: ['ALL', 'kill', 'CAP_kill'] },
  }),
  refused('a masked path that is relative', { [`${context}.masked_paths`]: ['etc'] }),
  started('the root masked', { [`${context}.masked_paths`]: ['/'] }),
  started('proc masked', { [`${context}.masked_paths`]: ['/proc'] }),
  started('a program masked', { [`${context}.masked_paths`]: ['/bin'] }),
  started('the root read-only by its path', { [`${context}.readonly_paths`]: ['/'] }),
  started('paths that are not there', {
    [`${context}.masked_paths`]: ['/not/there'],
    [`${context}.readonly_paths`]: ['/not/there'],
  }),

  refused('a log beside its folder', { 'config.log_path': '../beside.log' }),
  refused('a log that leaves its folder half-way', { 'config.log_path': 'a/../../beside.log' }),
  refused('a log by an absolute path', { 'config.log_path': '/etc/beside.log' }),
  refused('a log that is its folder', { 'config.log_path': '.' }),
  refused('a log with a name beyond the kernel’s', { 'config.log_path': `${'n'.repeat(300)}.log` }),
  refused('a log with a NUL', { 'config.log_path': 'a\0b.log' }),
  either('a log with a line break', { 'config.log_path': 'a\nb.log' }),
  either('a log below a log', { 'config.log_path': 'a.log/b.log/c.log' }),
  either('a log without a pod’s folder', { 'config.log_path': 'x.log', sandbox_config: undefined }),

  started('a folder that is a file', { 'config.working_dir': '/etc/passwd' }, 'refused'),
  started('a folder below a file', { 'config.working_dir': '/etc/passwd/x' }, 'refused'),
  started('a folder in proc', { 'config.working_dir': '/proc/x/y' }),
  started('a folder in sys', { 'config.working_dir': '/sys/x/y' }),
  started('a folder of which nothing can be seen', {
    'config.working_dir': '/root',
    [`${context}.run_as_user`]: { value: 1000n },
  }),
  started('a folder through dots', { 'config.working_dir': '../../../x' }),
  started('a program that is not there', { 'config.command': ['/not/there'] }, 'refused'),
  started('a program that is in no folder of PATH', { 'config.command': ['not-there'] }, 'refused'),
  started('a program that is a folder', { 'config.command': ['/etc'] }, 'refused'),
  started('a program that cannot be executed', { 'config.command': ['/etc/passwd'] }, 'refused'),
  started('a program without a name', { 'config.command': [''] }, 'refused'),
  started('a program of blanks', { 'config.command': ['   '] }, 'refused'),
  started('an argument of a megabyte', { 'config.command': ['true', 'a'.repeat(1 << 20)] }, 'refused'),
  started('ten thousand arguments', { 'config.args': Array.from({ length: 10_000 }, () => 'argument') }),
  started('a variable of a megabyte', { 'config.envs': [{ key: 'BIG', value: 'v'.repeat(1 << 20) }] }, 'refused'),
  started('a PATH of nothing', { 'config.envs': [{ key: 'PATH', value: '' }] }),
  refused('a variable without a name', { 'config.envs': [{ key: '', value: 'x' }] }),
  refused('a variable with an equals sign', { 'config.envs': [{ key: 'a=b', value: 'x' }] }),
  refused('a variable with a NUL', { 'config.envs': [{ key: 'a', value: 'x\0y' }] }),
  served('a variable twice', {
    'config.envs': [
      { key: 'a', value: 'x' },
      { key: 'a', value: 'y' },
    ],
  }),

  refused('a signal that CRI has not', { 'config.stop_signal': 99n }),
  served('input once, and none', { 'config.stdin_once': 1n, 'config.tty': 1n }),
  refused('a CDI device of no vendor', { 'config.CDI_devices': [{ name: 'nobody.example/thing=0' }] }),
  refused('a CDI device that is a path', { 'config.CDI_devices': [{ name: '../../etc/passwd' }] }),
  refused('a CDI device without a name', { 'config.CDI_devices': [{}] }),
  refused('for Windows', { 'config.windows': {} }),
  refused('without a name', { 'config.metadata': {} }),
];
