import { baseImage } from '../../../src/containers/checkpoint/base-image';
import { criuConfig } from '../../../src/containers/checkpoint/criu-config';
import {
  parseConfigDump,
  parseDeleted,
  parseDescriptors,
  parseSpecDump,
} from '../../../src/containers/checkpoint/read-dumps';
import { restorableMounts, restoredImage } from '../../../src/containers/checkpoint/restored';
import { checkpointSource } from '../../../src/containers/checkpoint/source';
import { utsImage } from '../../../src/containers/checkpoint/uts-image';
import { BerthError } from '../../../src/base';
import type { ImageRecord } from '../../../src/state';
import { ContainerConfig } from '../../../src/wire';

const id = `sha256:${'a'.repeat(64)}`;
const image: ImageRecord = {
  v: 1,
  id,
  repoTags: [],
  repoDigests: [],
  manifestDigest: id,
  layers: [],
  chainIds: [id],
  size: 1n,
  config: {
    user: 'app',
    env: ['A=image'],
    entrypoint: ['/entry'],
    cmd: ['x'],
    workingDir: '/w',
    volumes: [],
    stopSignal: '',
    labels: {},
  },
  pulledAt: 0n,
};
const find = (known: Record<string, ImageRecord>) => (name: string) => known[name];

describe('what is a checkpoint', () => {
  const marked = (annotation: string) => find({ c: { ...image, annotations: { [annotation]: 'x' } } });

  test.each(['io.kubernetes.cri-o.annotations.checkpoint.name', 'org.criu.checkpoint.container.name'])(
    'an image with %s',
    (mark) => {
      expect(checkpointSource('c', marked(mark), 'images')).toMatchObject({ kind: 'image' });
      for (const allowed of ['archives', 'nothing'] as const)
        expect(() => checkpointSource('c', marked(mark), allowed)).toThrow('runtime.restore_from');
    },
  );

  test('an absolute path; no other image, and none that is not there', () => {
    expect(checkpointSource('/a.tar', find({}), 'archives')).toEqual({ kind: 'archive', path: '/a.tar' });
    expect(() => checkpointSource('/a.tar', find({}), 'nothing')).toThrow('not restored here');
    expect(checkpointSource('c', marked('other'), 'nothing')).toBeUndefined();
    expect(checkpointSource('d', find({}), 'nothing')).toBeUndefined();
    expect(checkpointSource('', find({}), 'nothing')).toBeUndefined();
  });
});

describe('the image that it ran from', () => {
  const dump = (ref: string, name = '', rootfsImage = '') => ({
    rootfsImageRef: ref,
    rootfsImageName: name,
    rootfsImage,
  });

  test('by its id, with or without the algorithm; a name does not stand for another id', () => {
    expect(baseImage('o', dump(id, 'n:1'), find({ [id]: image }))).toBe(image);
    expect(baseImage('o', dump('r@sha256:1', 'n:1', 'a'.repeat(64)), find({ ['a'.repeat(64)]: image }))).toBe(image);
    expect(() => baseImage('o', dump(id, 'n:1'), find({ 'n:1': image }))).toThrow(`${id} = n:1`);
  });

  test('by a name where there is no id', () => {
    expect(baseImage('o', dump('r@sha256:1', 'n:1'), find({ 'n:1': image }))).toBe(image);
    expect(() => baseImage('o', dump('', ''), find({}))).toThrow('names no image');
    const artifact = { ...image, artifact: { type: 't', configDigest: id } };
    expect(() => baseImage('o', dump('', 'n:1'), find({ 'n:1': artifact }))).toThrow('n:1');
  });

  test('a name that is none is that of no image', () => {
    const strict = () => {
      throw new BerthError('image-reference-invalid', { op: 'find', detail: 'bad' });
    };
    expect(() => baseImage('o', dump('', '../..'), strict)).toThrow('not on this node');
  });
});

describe('the dumps', () => {
  test('of CRI-O, Podman and containerd: what is not known is left alone', () => {
    expect(parseConfigDump('{"id":"x","rootfsImageName":"n","checkpointedTime":"2026"}')).toEqual({
      rootfsImage: '',
      rootfsImageRef: '',
      rootfsImageName: 'n',
    });
    const spec = parseSpecDump(
      '{"process":{"args":["sh"],"user":{"uid":7}},"mounts":[{"destination":"/x","type":null}]}',
    );
    expect(spec.process).toEqual({ terminal: false, user: { uid: 7, gid: 0 }, args: ['sh'], env: [], cwd: '/' });
    expect(parseDeleted('["/etc/passwd","data/","a b"]')).toEqual(['etc/passwd', 'data', 'a b']);
    expect(parseDeleted('null')).toEqual([]);
  });

  test.each([
    [parseConfigDump, '[]'],
    [parseConfigDump, '{"rootfsImageName":{}}'],
    [parseConfigDump, JSON.stringify({ rootfsImageName: 'x'.repeat(5000) })],
    [parseSpecDump, '{}'],
    [parseSpecDump, '{"process":{"args":[]}}'],
    [parseSpecDump, '{"process":{"args":["x"],"user":{"uid":-1}}}'],
    [parseSpecDump, '{"process":{"args":["x"],"user":{"uid":4294967296}}}'],
    [parseSpecDump, 'x'],
    [parseDeleted, '{}'],
    [parseDeleted, '["/"]'],
    [parseDeleted, '["a\\u0000b"]'],
    [parseDescriptors, '[]'],
    [parseDescriptors, '["a","b","c","pipe:[4]"]'],
    [parseDescriptors, '["a","b",3]'],
  ] as const)('refused: %p %s', (parse, text) => {
    expect(() => parse(text)).toThrow();
  });
});

describe('what a restored container has', () => {
  const spec = parseSpecDump(
    '{"process":{"args":["sh","-c"],"env":["B=2","HOSTNAME=old"],"cwd":"/c","user":{"uid":7,"gid":8}}}',
  );

  test('that of the checkpoint, as if its image said it, but the old name', () => {
    expect(restoredImage(image.config, spec, ContainerConfig.fromPartial({}))).toMatchObject({
      user: '7:8',
      env: ['B=2'],
      entrypoint: ['sh', '-c'],
      cmd: [],
      workingDir: '/c',
    });
    const args = ContainerConfig.fromPartial({ args: ['more'] });
    expect(restoredImage(image.config, spec, args).entrypoint).toEqual(['/entry']);
  });

  test('the mounts of both, by destination', () => {
    const dump = parseSpecDump(
      '{"process":{"args":["x"]},"mounts":[{"destination":"/proc","type":"proc"},{"destination":"/v/","options":["rbind"]}]}',
    );
    const bind = (destination: string) => ({ destination, type: 'bind', source: '/s', options: [] });
    const proc = { destination: '/proc', type: 'proc', source: 'proc', options: [] };
    expect(restorableMounts('o', { mounts: [proc, bind('/v'), bind('/etc/hostname')] }, dump)).toEqual([
      proc,
      bind('/v'),
    ]);
    expect(() => restorableMounts('o', { mounts: [proc] }, dump)).toThrow('/v');
    expect(() => restorableMounts('o', { mounts: [bind('/v'), bind('/w')] }, dump)).toThrow('no mounts at /w');
  });
});

test('CRIU’s configuration and its image of the names', () => {
  expect(criuConfig('/pod/c', 'v2')).toBe('tcp-close\ncgroup-root /pod/c\n');
  expect(criuConfig('/pod/c', 'hybrid')).toBe('tcp-close\n');
  const bytes = utsImage(Buffer.from('12345678'), 'name');
  expect(bytes.toString('latin1')).toBe('12345678\x0e\0\0\0\n\x04name\x12\x06(none)');
  // A name of more than a kernel takes is cut.
  expect(utsImage(Buffer.from('12345678'), 'x'.repeat(500))).toHaveLength(12 + 2 + 64 + 2 + 6);
});
