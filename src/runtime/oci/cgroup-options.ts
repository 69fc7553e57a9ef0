/** What an OCI runtime must be told before each subcommand of a container whose cgroups systemd makes (runc, crun). */
export function cgroupOptions(driver: 'systemd' | undefined): readonly string[] {
  return driver ? ['--systemd-cgroup'] : [];
}
