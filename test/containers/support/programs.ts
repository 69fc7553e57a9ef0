import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dir as directory, file, symlink, tar } from '../../storage/support/tar';
import { blobOf, buildImage, buildTar, hostArchitecture, jsonBlob } from '../../support/image-builder';

export const imageName = 'ground/shell:v1';
const realRuntime = '/usr/sbin/runc';

let layer: Promise<Buffer> | undefined;

/** The image as `docker save` writes it; its bytes are made once per test file. */
export async function archive(dir: string): Promise<string> {
  const path = join(dir, 'image.tar');
  await writeFile(path, await (layer ??= imageBytes()));
  return path;
}

async function imageBytes(): Promise<Buffer> {
  const files = {
    'bin/': '',
    'bin/busybox': await readFile('/bin/busybox'),
    'etc/': '',
    'etc/passwd': 'app:x:7:7::/:\n',
  };
  const { config, layers } = await buildImage({ layers: [files] });
  const manifest = [{ Config: 'config.json', RepoTags: [imageName], Layers: ['layer.tar.gz'] }];
  return buildTar({
    'manifest.json': JSON.stringify(manifest),
    'config.json': config.bytes,
    'layer.tar.gz': layers[0]?.bytes ?? '',
  });
}

/** An image to mount: a folder with a file, a link to the folder, and one that would lead out of the image. */
export async function loadData(dir: string, name: string, text = 'of the data image'): Promise<string> {
  const layer = tar([
    directory('dir'),
    file('dir/file', text),
    symlink('link', '/dir'),
    symlink('hostile', '../../../../../../etc'),
  ]);
  const config = jsonBlob({
    architecture: hostArchitecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [blobOf(layer).digest] },
  });
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]);
  const path = join(dir, 'data.tar');
  await writeFile(path, await buildTar({ 'manifest.json': manifest, 'config.json': config.bytes, 'layer.tar': layer }));
  return path;
}

/** runc, which a test can hold at one of its verbs; checkpoints and restores are programs of the test's. */
export const runtimeScript = (dir: string): string => `#!/bin/sh
for word; do case $word in
checkpoint) exec ${dir}/bin/checkpoint "$@" ;;
restore) exec ${dir}/bin/restore "$@" ;;
create|start|delete)
  if [ -e ${dir}/hold-$word ]; then
    : > ${dir}/held-$word
    while [ -e ${dir}/hold-$word ]; do sleep 0.01; done
  fi
  break ;;
esac; done
exec ${realRuntime} "$@"
`;

/** A plugin that gives on what came before it, and fails a command as long as \`fail-<command>\` lies in the folder. */
export const pluginScript = (dir: string): string => `#!${process.execPath}
const { existsSync, readFileSync } = require('node:fs');
const command = process.env.CNI_COMMAND;
const input = JSON.parse(readFileSync(0, 'utf8'));
if (existsSync('${dir}/fail-' + command)) {
  console.log(JSON.stringify({ cniVersion: '1.0.0', code: 100, msg: 'the test refuses ' + command }));
  process.exit(1);
}
if (command === 'ADD') console.log(JSON.stringify(input.prevResult));
`;
