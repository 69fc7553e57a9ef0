/** The newest version of the CNI spec whose results berth reads. */
export const newestVersion = '1.1.0';

/** Orders dotted versions by number. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a list of this version has what came with another one, e.g. STATUS and GC with 1.1.0. */
export function hasSince(version: string, since: string): boolean {
  return compareVersions(version, since) >= 0;
}

/** The newest of them that berth knows; undefined if there is none. */
export function chooseVersion(versions: readonly string[]): string | undefined {
  const fitting = versions.filter((version) => compareVersions(version, newestVersion) <= 0);
  return fitting.sort(compareVersions).at(-1);
}
