import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { writeLayout, type OciLayout } from './oci-layout';

/** Runs a program; what it says goes to the error if it fails. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 30 }).toString();
}

/** Runs a script in a folder, ended by its first failure. */
export function script(cwd: string, text: string): void {
  execFileSync('bash', ['-euc', text], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** An image that umoci makes: each script changes the root file system that the earlier ones left. */
export function byUmoci(dir: string, scripts: readonly string[]): OciLayout {
  const layout = path.join(dir, 'umoci');
  const bundle = path.join(dir, 'bundle');
  const image = `${layout}:a`;
  run('umoci', 'init', '--layout', layout);
  run('umoci', 'new', '--image', image);
  run('umoci', 'unpack', '--image', image, bundle);
  for (const text of scripts) {
    script(path.join(bundle, 'rootfs'), text);
    run('umoci', 'repack', '--refresh-bundle', '--image', image, bundle);
  }
  run('umoci', 'gc', '--layout', layout);
  return { dir: layout };
}

/** An image that buildah makes, in either of its formats: one layer for each script. */
export function byBuildah(dir: string, format: 'oci' | 'docker', scripts: readonly string[]): OciLayout {
  const buildah = (...args: string[]): string => {
    const stores = ['--root', path.join(dir, 'store'), '--runroot', path.join(dir, 'run'), '--storage-driver', 'vfs'];
    return run('buildah', ...stores, ...args).trim();
  };
  let from = 'scratch';
  scripts.forEach((text, i) => {
    const container = buildah('from', '--pull-never', from);
    script(buildah('mount', container), text);
    from = `localhost/step${i}`;
    buildah('commit', '--quiet', '--format', format, container, from);
    buildah('rm', container);
  });
  const target = path.join(dir, format);
  buildah('push', '--quiet', '--format', format === 'oci' ? 'oci' : 'v2s2', from, `dir:${target}`);
  return copy(`dir:${target}`, path.join(dir, 'layout'));
}

/** Copies an image to an OCI layout with skopeo. */
export function copy(source: string, target: string, ...options: string[]): OciLayout {
  run('skopeo', '--insecure-policy', 'copy', '--quiet', ...options, source, `oci:${target}:a`);
  return { dir: target };
}

/** An archive as `docker save` writes it, from layers that are tar archives, read back by skopeo. */
export function byDockerSave(dir: string, tars: readonly Buffer[]): OciLayout {
  const saved = path.join(dir, 'saved');
  const plain = writeLayout(path.join(dir, 'plain'), tars);
  fs.mkdirSync(saved, { recursive: true });
  run(
    'skopeo',
    '--insecure-policy',
    'copy',
    '--quiet',
    `oci:${plain.dir}:a`,
    `docker-archive:${saved}/image.tar:test/image:a`,
  );
  return copy(`docker-archive:${saved}/image.tar`, path.join(dir, 'loaded'));
}

/** A layer that GNU tar makes of a folder, which a script fills the first time. */
export function byTar(dir: string, name: string, text: string, ...options: string[]): Buffer {
  const tree = path.join(dir, name);
  if (!fs.existsSync(tree)) {
    fs.mkdirSync(tree);
    script(tree, text);
  }
  return execFileSync('tar', ['-C', tree, '--numeric-owner', ...options, '-cf', '-', '.'], { maxBuffer: 1 << 30 });
}
