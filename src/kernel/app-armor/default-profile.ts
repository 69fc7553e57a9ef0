/** The name of berth's own profile, which containers have that ask for RuntimeDefault. */
export const defaultProfileName = 'berth-default';

/** Programs that signal containers may have profiles of their own (Ubuntu has one for runc). */
const outside = '{unconfined,{,/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/local/sbin/}{runc,crun,conmon,berthd}}';

/**
 * Everything that an unprivileged program does is let through; kept from it is what reaches beyond its namespaces even
 * with a capability too many: mounts, the kernel's settings that belong to no namespace, devices' and the firmware's
 * files. It includes nothing, so that a parser alone can load it.
 */
export const defaultProfile = `
profile ${defaultProfileName} flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  umount,
  deny mount,

  signal (send, receive) peer=${defaultProfileName},
  signal (receive) peer=${outside},
  ptrace peer=${defaultProfileName},

  # Files of /proc itself; those of processes lie deeper.
  deny /proc/* w,
  deny /proc/{acpi,asound,bus,driver,fs,irq,scsi,tty}/** w,
  deny /proc/{kcore,keys,sysrq-trigger,timer_list} rwklx,
  # Of /proc/sys, net and the limits of System V and POSIX IPC are a namespace's.
  deny /proc/sys/{abi,crypto,debug,dev,sunrpc,user,vm}/** w,
  deny /proc/sys/fs/{[^m],m[^q]}** w,
  deny /proc/sys/kernel/{[^ms],m[^s],s[^eh]}** w,

  deny /sys/{block,bus,class,dev,devices,hypervisor,kernel,module,power}/** wklx,
  deny /sys/fs/[^c]** wklx,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
`;
