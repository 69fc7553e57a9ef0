/** Files of cgroups as kernels write them: shortened, with figures that tell one line from another. */

const v1Stat = `cache 3
rss 1
shmem 0
pgfault 2
pgmajfault 0
inactive_file 1
hierarchical_memory_limit 134217728
hierarchical_memsw_limit 201326592
total_cache 20971520
total_rss 52428800
total_rss_huge 0
total_swap 4194304
total_pgfault 7001
total_pgmajfault 12
total_inactive_anon 52428800
total_inactive_file 16777216
total_active_file 4194304
total_unevictable 0
`;

const v2Stat = `anon 52428800
file 20971520
kernel 1000000
anon_thp 0
inactive_anon 52428800
active_anon 0
inactive_file 16777216
active_file 4194304
workingset_refault_file 0
pgfault 7001
pgmajfault 12
pgsteal_kswapd 0
`;

const cpuPressure = `some avg10=12.50 avg60=3.00 avg300=0.71 total=1234567
full avg10=0.00 avg60=0.00 avg300=0.00 total=77
`;
const memoryPressure = `some avg10=1.00 avg60=0.00 avg300=0.00 total=5
full avg10=0.50 avg60=0.00 avg300=0.00 total=4
`;
const ioPressure = `some avg10=2.00 avg60=0.00 avg300=0.00 total=9
full avg10=0.00 avg60=0.00 avg300=0.00 total=8
`;
const pressure = { 'cpu.pressure': cpuPressure, 'memory.pressure': memoryPressure, 'io.pressure': ioPressure };

export const v1Files = {
  'cpuacct/pod/c/cpuacct.usage': '1500000000\n',
  'memory/pod/c/memory.stat': v1Stat,
  'memory/pod/c/memory.usage_in_bytes': '73400320\n',
  'memory/pod/c/memory.limit_in_bytes': '134217728\n',
  'pids/pod/c/pids.current': '7\n',
};

export const v2Files = {
  'unified/pod/c/cpu.stat': 'usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 0\n',
  'unified/pod/c/memory.current': '73400320\n',
  'unified/pod/c/memory.stat': v2Stat,
  'unified/pod/c/memory.max': '134217728\n',
  'unified/pod/c/memory.swap.current': '4194304\n',
  'unified/pod/c/memory.swap.max': '67108864\n',
  'unified/pod/c/pids.current': '7\n',
  ...prefixed('unified/pod/c/', pressure),
};

/** v1 with a unified hierarchy that no controller is in: it still has CPU time and pressure. */
export const hybridFiles = {
  ...v1Files,
  'unified/pod/c/cpu.stat': 'usage_usec 9\n',
  ...prefixed('unified/pod/c/', pressure),
};

function prefixed(prefix: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [prefix + name, text]));
}
