import { images } from '../../fixtures';
import { bind, contradictions, type ContradictionsOf } from './contradiction';

const { refused, either, started } = contradictions('CreateContainer');

/** Mounts and devices that cannot be. */
export const mountContradictions: ContradictionsOf = ({ folder }) => {
  const source = `${folder}/mount`;
  const mounts = (...list: ReturnType<typeof bind>[]) => ({ 'config.mounts': list });
  const device = (host: string, container: string, permissions: string) => ({
    'config.devices': [{ host_path: host, container_path: container, permissions }],
  });
  return [
    either('twice at a path', mounts(bind(source, '/mnt'), bind('/etc', '/mnt'))),
    either('twice at a path that is written otherwise', mounts(bind(source, '/mnt'), bind('/etc', '/mnt/./x/../'))),
    refused('over the root', mounts(bind(source, '/'))),
    refused('over the root through dots', mounts(bind(source, '/x/../..'))),
    refused('over proc', mounts(bind(source, '/proc'))),
    refused('in proc', mounts(bind(source, '/proc/sys/kernel'))),
    refused('at a path of proc that is not there', mounts(bind(source, '/proc/not-there'))),
    either('over sys', mounts(bind(source, '/sys'))),
    refused('at a path of sys that is not there', mounts(bind(source, '/sys/not-there/x'))),
    either('over dev', mounts(bind(source, '/dev'))),
    either('over the null device', mounts(bind(source, '/dev/null'))),
    either('over the devices of terminals', mounts(bind(source, '/dev/pts'))),
    refused('at a relative path', mounts(bind(source, 'mnt'))),
    refused('at no path', mounts(bind(source, ''))),
    refused('of a relative path', mounts(bind('relative/malformed', '/mnt'))),
    refused('of a relative path upwards', mounts(bind('../malformed', '/mnt'))),
    refused('of nothing', mounts(bind('', '/mnt'))),
    refused('of a path below a file', mounts(bind('/etc/hostname/x', '/mnt'))),
    refused('of a path that proc has not', mounts(bind('/proc/not-there/x', '/mnt'))),
    refused('of a link that leads to itself', mounts(bind('/proc/self/fd/999999', '/mnt'))),
    started('a file over a folder', mounts(bind('/etc/hostname', '/tmp')), 'refused'),
    started('a folder over a file', mounts(bind(source, '/etc/passwd')), 'refused'),
    started('below a file', mounts(bind(source, '/etc/passwd/x')), 'refused'),
    started('below a link', mounts(bind(source, '/bin/sh/x')), 'refused'),
    started(
      'below another that is read-only',
      mounts(bind('/etc', '/mnt', { readonly: 1n }), bind(source, '/mnt/not-there')),
      'refused',
    ),
    started('below a name that is too long', mounts(bind(source, `/${'n'.repeat(300)}`)), 'refused'),
    started('at a path that is too long', mounts(bind(source, '/d'.repeat(3000))), 'refused'),
    refused('recursively read-only, and writable', mounts(bind(source, '/mnt', { recursive_read_only: 1n }))),
    refused(
      'recursively read-only, and not private',
      mounts(bind(source, '/mnt', { recursive_read_only: 1n, readonly: 1n, propagation: 1n })),
    ),
    refused('a propagation that CRI has not', mounts(bind(source, '/mnt', { propagation: 9n }))),
    either('both ways, of what is not shared', mounts(bind(source, '/mnt', { propagation: 2n }))),
    refused('an image and a path', mounts(bind(source, '/mnt', { image: { image: images.volume } }))),
    started('a path in no image', mounts(bind(source, '/mnt', { image_sub_path: 'data' }))),
    refused('an image that is not there', mounts(bind('', '/mnt', { image: { image: 'registry.e2e.test/never:1' } }))),
    // Dots and links of an image lead nowhere but into the image.
    ...['../..', 'outside', '/etc/passwd'].map((path) =>
      either(`an image’s ${path}`, mounts(bind('', '/mnt', { image: { image: images.volume }, image_sub_path: path }))),
    ),
    ...['not/there', 'etc/of-the-image/x', 'a\0b', 'n'.repeat(300)].map((path) =>
      refused(
        `an image’s ${JSON.stringify(path.slice(0, 20))}`,
        mounts(bind('', '/mnt', { image: { image: images.volume }, image_sub_path: path })),
      ),
    ),
    refused('with ids of the node', mounts(bind(source, '/mnt', { uidMappings: [{ length: 1n }] }))),

    refused('a device that is a file', device('/etc/hostname', '/dev/x', 'rwm')),
    refused('a device that is not there', device('/dev/not-there', '/dev/x', 'rwm')),
    refused('a device that is nothing', device('', '', 'rwm')),
    refused('a device at a relative path', device('/dev/null', 'dev/x', 'rwm')),
    refused('a device for everything', device('/dev/null', '/dev/x', 'everything')),
    refused('a device for reading four times', device('/dev/null', '/dev/x', 'rrrr')),
    started('a device at the root', device('/dev/null', '/', 'rwm'), 'refused'),
    started('a device in proc', device('/dev/null', '/proc/x', 'rwm')),
    started('a device over a folder', device('/dev/null', '/etc', 'rwm')),
    started('a device over a file', device('/dev/null', '/etc/passwd', 'rwm')),
    started('a device below a file', device('/dev/null', '/etc/passwd/x', 'rwm')),
    started('a device through dots', device('/dev/null', '/dev/../../../etc/device', 'rwm')),
    started('a device over one of the runtime’s', device('/dev/zero', '/dev/null', 'rwm')),
    started('a device twice', {
      'config.devices': [1, 2].map(() => ({ host_path: '/dev/null', container_path: '/dev/x', permissions: 'rwm' })),
    }),
  ];
};
