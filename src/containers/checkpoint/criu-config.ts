/** The annotation by which runc finds a configuration for CRIU. */
export const criuConfigAnnotation = 'org.criu.config';

/**
 * CRIU's configuration for a restore. Connections of the old pod are closed ones: neither its address nor its peers are
 * here. On cgroup v2 the runtimes leave it to CRIU to find the cgroup, which would make the old one again.
 */
export function criuConfig(cgroupPath: string, cgroup: 'v1' | 'hybrid' | 'v2'): string {
  const lines = ['tcp-close', ...(cgroup === 'v2' ? [`cgroup-root ${cgroupPath}`] : [])];
  return lines.map((line) => `${line}\n`).join('');
}
