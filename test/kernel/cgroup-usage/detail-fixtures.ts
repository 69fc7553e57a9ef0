/** Files of cgroups as kernels write them, with figures that tell one line from another. */

/** Linux 6.18, v1: the cgroup's own figures first, then with what is below it. */
const v1Stat = `cache 708608
rss 714362880
rss_huge 0
shmem 0
mapped_file 0
dirty 45056
writeback 0
workingset_refault_anon 0
workingset_refault_file 0
swap 0
swapcached 0
pgpgin 2265901
pgpgout 2091365
pgfault 2427072
pgmajfault 3
inactive_anon 714285056
active_anon 24576
inactive_file 204800
active_file 503808
unevictable 0
hierarchical_memory_limit 9223372036854771712
hierarchical_memsw_limit 9223372036854771712
total_cache 20971520
total_rss 52428800
total_rss_huge 0
total_shmem 0
total_mapped_file 1048576
total_dirty 45056
total_writeback 8192
total_workingset_refault_anon 41
total_workingset_refault_file 42
total_swap 4194304
total_swapcached 0
total_pgpgin 2265901
total_pgpgout 2091365
total_pgfault 2427099
total_pgmajfault 12
total_inactive_anon 52428800
total_active_anon 0
total_inactive_file 16777216
total_active_file 4194304
total_unevictable 0
`;

/** Linux 6.12, v2, without the lines of huge pages and NUMA. */
const v2Stat = `anon 52428800
file 20971520
kernel 1000001
kernel_stack 16384
pagetables 81920
percpu 1440
sock 0
vmalloc 0
shmem 0
file_mapped 1048576
file_dirty 45056
file_writeback 8192
swapcached 0
inactive_anon 52428800
active_anon 0
inactive_file 16777216
active_file 4194304
unevictable 0
slab 700000
workingset_refault_anon 41
workingset_refault_file 42
workingset_activate_anon 0
workingset_activate_file 0
pgdemote_kswapd 0
pgscan 51
pgsteal 50
pgscan_kswapd 49
pgscan_direct 2
pgsteal_kswapd 48
pgfault 2427099
pgmajfault 12
pgrefill 0
`;

/** A v1 disk: what was asked for is split by kind, and again by whether somebody waited. */
const serviceBytes = `254:0 Read 8192
254:0 Write 1048576
254:0 Sync 1052672
254:0 Async 4096
254:0 Discard 0
254:0 Total 1056768
Total 1056768
`;
const serviced = `254:0 Read 2
254:0 Write 17
254:0 Sync 18
254:0 Async 1
254:0 Discard 0
254:0 Total 19
Total 19
`;

const ioStat = `7:0
254:0 rbytes=8192 wbytes=1048576 rios=2 wios=17 dbytes=4096 dios=1
259:1 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0 cost.vrate=100.00 cost.usage=6
`;

const pressure = (some: number, full: number) => `some avg10=1.00 avg60=0.00 avg300=0.00 total=${some}
full avg10=0.50 avg60=0.00 avg300=0.00 total=${full}
`;

export const pressureFiles = {
  'unified/pod/c/cpu.pressure': pressure(3_999_999, 2_000_000),
  'unified/pod/c/memory.pressure': pressure(5, 4),
  'unified/pod/c/io.pressure': pressure(9_000_000, 8_000_000),
};

export const v1Details = {
  'cpuacct/pod/c/cpuacct.usage': '12345678901\n',
  'cpuacct/pod/c/cpuacct.stat': 'user 901\nsystem 333\n',
  'cpu/pod/c/cpu.stat':
    'nr_periods 90\nnr_throttled 8\nthrottled_time 4000000007\nnr_bursts 6\nburst_time 5000000000\n',
  'memory/pod/c/memory.stat': v1Stat,
  'memory/pod/c/memory.usage_in_bytes': '73400320\n',
  'memory/pod/c/memory.max_usage_in_bytes': '83886080\n',
  'memory/pod/c/memory.kmem.usage_in_bytes': '1000001\n',
  'memory/pod/c/memory.failcnt': '77\n',
  'memory/pod/c/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n',
  'blkio/pod/c/blkio.throttle.io_service_bytes': 'Total 0\n',
  'blkio/pod/c/blkio.throttle.io_serviced': 'Total 0\n',
  'blkio/pod/c/blkio.throttle.io_service_bytes_recursive': serviceBytes,
  'blkio/pod/c/blkio.throttle.io_serviced_recursive': serviced,
  'hugetlb/pod/c/hugetlb.2MB.usage_in_bytes': '2097152\n',
  'hugetlb/pod/c/hugetlb.2MB.max_usage_in_bytes': '2097152\n',
  'hugetlb/pod/c/hugetlb.2MB.failcnt': '1\n',
  'hugetlb/pod/c/hugetlb.2MB.rsvd.usage_in_bytes': '4194304\n',
  'hugetlb/pod/c/hugetlb.2MB.rsvd.max_usage_in_bytes': '6291456\n',
  'hugetlb/pod/c/hugetlb.2MB.rsvd.failcnt': '2\n',
  // Before Linux 5.7 nothing is told of reservations.
  'hugetlb/pod/c/hugetlb.1GB.usage_in_bytes': '0\n',
  'hugetlb/pod/c/hugetlb.1GB.max_usage_in_bytes': '1073741824\n',
  'hugetlb/pod/c/hugetlb.1GB.failcnt': '0\n',
  'pids/pod/c/pids.current': '7\n',
  'pids/pod/c/pids.max': '100\n',
};

export const v2Details = {
  'unified/pod/c/cpu.stat': `usage_usec 12345678
user_usec 9010000
system_usec 3330000
nice_usec 0
nr_periods 90
nr_throttled 8
throttled_usec 4000000
nr_bursts 6
burst_usec 5000000
`,
  'unified/pod/c/memory.current': '73400320\n',
  'unified/pod/c/memory.peak': '83886080\n',
  'unified/pod/c/memory.stat': v2Stat,
  'unified/pod/c/memory.swap.current': '4194304\n',
  'unified/pod/c/memory.events': 'low 0\nhigh 9\nmax 77\noom 5\noom_kill 4\noom_group_kill 0\n',
  'unified/pod/c/io.stat': ioStat,
  'unified/pod/c/hugetlb.2MB.current': '2097152\n',
  'unified/pod/c/hugetlb.2MB.rsvd.current': '4194304\n',
  'unified/pod/c/hugetlb.2MB.events': 'max 2\n',
  'unified/pod/c/pids.current': '7\n',
  'unified/pod/c/pids.max': 'max\n',
  ...pressureFiles,
};
