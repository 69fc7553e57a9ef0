/** Every capability of capabilities(7), lower-case without CAP_, in the order of their numbers. */
export const capabilityNames: ReadonlySet<string> = new Set(
  `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
  net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
  sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
  mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`.split(/\s+/),
);

/** `CAP_Net_Admin` as `net_admin`. */
export function plainName(name: string): string {
  return name.trim().toLowerCase().replace(/^cap_/, '');
}
