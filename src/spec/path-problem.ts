/** The kernel's NAME_MAX and PATH_MAX, the latter with its zero byte. */
const longestName = 255;
const longestPath = 4095;

/** Why the kernel takes a path for none, as the end of a sentence; undefined if it takes it. */
export function pathProblem(path: string): string | undefined {
  if (path.includes('\0')) return 'has a NUL byte';
  if (Buffer.byteLength(path) > longestPath) return `is longer than the ${longestPath} bytes of a path`;
  const long = path.split('/').some((name) => Buffer.byteLength(name) > longestName);
  return long ? `has a name of more than ${longestName} bytes` : undefined;
}
