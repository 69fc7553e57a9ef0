import { featuresByVersion, parseFeatures, withinKernel } from '../../src/runtime/features';

const none = { recursiveReadOnlyMounts: false, idmappedMounts: false, userNamespaces: false };

test('what a runtime says of itself is taken, and what it does not say is not there', () => {
  const said = {
    ociVersionMin: '1.0.0',
    mountOptions: ['ro', 'rro'],
    linux: { namespaces: ['user', 'mount'], mountExtensions: { idmap: { enabled: true } } },
  };
  expect(parseFeatures(said)).toEqual({ recursiveReadOnlyMounts: true, idmappedMounts: true, userNamespaces: true });
  expect(parseFeatures({ mountOptions: ['ro'], linux: { namespaces: null } })).toEqual(none);
  expect(parseFeatures({ mountOptions: 7 })).toEqual(none);
  expect(parseFeatures('rro')).toEqual(none);
});

test.each([
  ['crun version 1.8.1', { recursiveReadOnlyMounts: true, idmappedMounts: true, userNamespaces: false }],
  ['crun version 1.3', { recursiveReadOnlyMounts: false, idmappedMounts: true, userNamespaces: false }],
  ['crun version 0.17', { recursiveReadOnlyMounts: false, idmappedMounts: false, userNamespaces: false }],
  ['runc version 1.0.3', none],
  ['my own 4', none],
])('%s', (line, features) => {
  expect(featuresByVersion(line)).toEqual(features);
});

test('no runtime can do more than its kernel', () => {
  const all = { recursiveReadOnlyMounts: true, idmappedMounts: true, userNamespaces: true };
  expect(withinKernel(all, '5.10.0-8-amd64')).toMatchObject({ recursiveReadOnlyMounts: false, idmappedMounts: false });
  expect(withinKernel(all, '5.12.1')).toMatchObject({ recursiveReadOnlyMounts: true, idmappedMounts: true });
  expect(withinKernel(all, '6.4.9')).toEqual({ ...all, userNamespaces: false });
  expect(withinKernel(all, '6.5.0')).toEqual(all);
  expect(withinKernel(none, '6.5.0')).toEqual(none);
});
