import { contradictions, type ContradictionsOf } from './contradiction';

/** Of commands, checkpoints, streams and images. */
export const otherContradictions: ContradictionsOf = ({ folder, exited, created, running, pod }) => {
  const sync = contradictions('ExecSync');
  const exec = contradictions('Exec');
  const stop = contradictions('StopContainer');
  const start = contradictions('StartContainer');
  const reopen = contradictions('ReopenContainerLog');
  const checkpoint = contradictions('CheckpointContainer');
  const pull = contradictions('PullImage');
  const status = contradictions('ImageStatus');
  return [
    sync.refused('no command', { cmd: undefined }),
    sync.refused('a command without a name', { cmd: [''] }),
    sync.refused('a command that is not there', { cmd: ['/not/there'] }),
    sync.refused('a command that is in no folder of PATH', { cmd: ['not-there'] }),
    sync.refused('a command that is a folder', { cmd: ['/etc'] }),
    sync.refused('a command that cannot be executed', { cmd: ['/etc/passwd'] }),
    sync.refused('a command with a NUL', { cmd: ['true', 'a\0b'] }),
    sync.refused('an argument of a megabyte', { cmd: ['true', 'a'.repeat(1 << 20)] }),
    sync.served('ten thousand arguments', { cmd: ['true', ...Array.from({ length: 10_000 }, () => 'x')] }),
    sync.refused('a timeout below 0', { timeout: -1n }),
    sync.served('the longest timeout', { timeout: 2n ** 63n - 1n }),
    sync.refused('in a container that has exited', { container_id: exited }),
    sync.refused('in a container that is created', { container_id: created }),
    sync.refused('in a pod', { container_id: pod.id }),
    exec.refused('without streams', { stdout: undefined }),
    exec.refused('a terminal with two outputs', { tty: 1n, stdout: 1n, stderr: 1n }),
    exec.refused('in a container that has exited', { container_id: exited }),
    stop.refused('a timeout below 0', { timeout: -1n }),
    stop.served('the longest timeout, of one that ends', { timeout: 2n ** 63n - 1n }),
    stop.served('what has exited', { container_id: exited }),
    stop.served('what is not there', { container_id: 'not-there' }),
    start.refused('what runs', { container_id: running }),
    start.refused('what has exited', { container_id: exited }),
    reopen.refused('the log of what has exited', { container_id: exited }),
    reopen.refused('the log of what is created', { container_id: created }),
    checkpoint.refused('what has exited', { container_id: exited }),
    checkpoint.refused('what is created', { container_id: created }),
    ...[
      'relative.tar',
      '../x.tar',
      '/',
      folder,
      `${folder}/not/there.tar`,
      '/proc/x.tar',
      '/etc/hostname/x.tar',
      `${folder}/a\0b`,
      `${folder}/${'n'.repeat(300)}`,
    ].map((location) => checkpoint.refused(`to ${JSON.stringify(location.slice(-20))}`, { location })),
    ...[
      'UPPER CASE',
      '../..',
      'a'.repeat(500),
      'x@sha256:abc',
      'x:y:z',
      ':tag',
      'host/',
      '@',
      'sha256:',
      'http://registry.e2e.test/x',
      'x:' + 't'.repeat(200),
    ].map((image) => pull.refused(`the image ${JSON.stringify(image.slice(0, 20))}`, { 'image.image': image })),
    pull.refused('what is not there', { 'image.image': 'registry.e2e.test/not-there:1' }),
    pull.either('with credentials that are none', { auth: { auth: 'no base64: \n' } }),
    pull.either('with two kinds of credentials', {
      auth: { username: 'a', password: 'b', auth: 'YTpi', identity_token: 'x' },
    }),
    pull.either('with credentials for elsewhere', {
      auth: { username: 'a', password: 'b', server_address: 'http://[::1' },
    }),
    status.refused('no image', { image: undefined }),
    status.refused('an image without a name', { 'image.image': undefined }),
  ];
};
