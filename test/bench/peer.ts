import { access } from 'node:fs/promises';

/** The containerd to measure against: what BERTH_PEER names, or Debian's; undefined without either. */
export async function peerPath(): Promise<string | undefined> {
  return process.env['BERTH_PEER'] ?? (await firstThatIsThere('/usr/bin/containerd', '/usr/local/bin/containerd'));
}

/** The first of the paths that exists. */
export async function firstThatIsThere(...paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}
