/** `major.minor` of a version or a kernel release. */
export type Version = readonly [major: number, minor: number];

/** Reads the beginning of a text; undefined if it is not `<major>.<minor>`. */
export function parseVersion(text: string): Version | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** Whether a version is this one or later. */
export function atLeast([major, minor]: Version, [wantedMajor, wantedMinor]: Version): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
