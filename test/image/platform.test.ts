import type { ImageIndex } from '../../src/image/manifest';
import { choosePlatform, fitsPlatform, hostPlatform, type Platform } from '../../src/image/platform';

interface Listed {
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly zstd?: boolean;
}

function choose(listed: readonly Listed[], host: Platform): number | string {
  const index: ImageIndex = {
    kind: 'index',
    schemaVersion: 2,
    manifests: listed.map(({ platform, zstd }, at) => ({
      mediaType: '',
      digest: `sha256:${String(at).padStart(64, '0')}`,
      size: 1,
      platform,
      annotations: zstd ? { 'io.github.containers.compression.zstd': 'true' } : undefined,
    })),
  };
  try {
    return Number(choosePlatform(index, host, 'x').digest.slice(7));
  } catch (error) {
    return String(error);
  }
}

const linux = (architecture: string, variant?: string) => ({ platform: { os: 'linux', architecture, variant } });

test('os and architecture have to match; unknown/unknown never does', () => {
  const attestation = { platform: { os: 'unknown', architecture: 'unknown' } };
  const windows = { platform: { os: 'windows', architecture: 'amd64' } };
  expect(choose([attestation, windows, linux('arm64'), linux('amd64')], { os: 'linux', architecture: 'amd64' })).toBe(
    3,
  );
  expect(choose([attestation, windows, linux('arm64', 'v8')], { os: 'linux', architecture: 'amd64' })).toMatch(
    /nothing for linux\/amd64; there is .*linux\/arm64\/v8/,
  );
});

test('the variant of the machine first, then those below it, then none', () => {
  const arm7 = { os: 'linux', architecture: 'arm', variant: 'v7' };
  expect(choose([linux('arm', 'v5'), linux('arm', 'v6'), linux('arm')], arm7)).toBe(1);
  expect(choose([linux('arm'), linux('arm', 'v5')], arm7)).toBe(1);
  expect(choose([linux('arm')], arm7)).toBe(0);
  expect(choose([linux('arm', 'v7')], { ...arm7, variant: 'v6' })).toMatch(/nothing/);
  const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  expect(choose([linux('arm64'), linux('arm64', 'v8')], arm64)).toBe(1);
  expect(choose([linux('amd64', 'v3'), linux('amd64')], { os: 'linux', architecture: 'amd64' })).toBe(1);
});

test('an entry without platform comes last, and of equals the one compressed by zstd', () => {
  const amd64 = { os: 'linux', architecture: 'amd64' };
  expect(choose([{}, linux('amd64')], amd64)).toBe(1);
  expect(choose([linux('arm64'), {}], amd64)).toBe(1);
  expect(choose([linux('amd64'), { ...linux('amd64'), zstd: true }], amd64)).toBe(1);
});

test('a configuration that names no platform fits', () => {
  expect(fitsPlatform({ os: '', architecture: '' }, hostPlatform())).toBe(true);
  expect(fitsPlatform({ os: 'windows', architecture: '' }, hostPlatform())).toBe(false);
});
