import { Command, InvalidArgumentError, Option } from 'commander';
import { resolve } from 'node:path';
import { bench } from './bench';
import type { Extent } from './contestant';
import { pullBench } from './pull/bench';
import { type PullerName } from './pull/contestant';
import { densityBench } from './density/bench';
import { compareStats } from './stats/bench';
import { streamBench } from './streaming/bench';
import { monitorBench, monitorParts, type MonitorExtent, type MonitorPart } from './monitor/bench';

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a number from 1 is needed');
  return value;
};

const say = (line: string) => console.log(line);
const done = (file: string) => console.log(`\nwritten to ${file}`);

const program = new Command('bench')
  .description('Measures berth beside a peer (BERTH_PEER, or Debian’s containerd) and the bare programs.')
  .enablePositionalOptions()
  .option('--rounds <n>', 'rounds of each; the quieter one counts', count, 2)
  .option('--pods <n>', 'pods started and stopped one after the other, a round', count, 20)
  .option('--execs <n>', 'commands run one after the other, a round', count, 40)
  .option('--burst <n>', 'pods asked for at once', count, 110)
  .option('--stats <n>', 'how often their stats are listed', count, 20)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: Extent & { rounds: number; results: string }) => {
    const { rounds, pods, execs, burst, stats, results } = o;
    done(await bench({ extent: { pods, execs, burst, stats }, rounds, resultDir: resolve(results), say }));
  });

program
  .command('monitor')
  .description('Measures the monitor of a container beside Debian’s conmon and the bare runtime.')
  .addOption(new Option('--part <name...>', 'only these').choices(monitorParts).default(monitorParts))
  .option('--latency <n>', 'execs one after the other, and as many of runc’s own, a round', count, 50)
  .option('--log-mib <n>', 'MiB that each log gets', count, 1024)
  .option('--containers <n>', 'containers that exit at once, with the fake runtime', count, 1000)
  .option('--runc-containers <n>', 'the same with runc', count, 100)
  .option('--execs <n>', 'execs, 16 at a time, with the fake runtime', count, 100_000)
  .option('--runc-execs <n>', 'the same with runc', count, 2000)
  .option('--stalled-seconds <n>', 'how long an attach client does not read', count, 60)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: MonitorExtent & { part: readonly MonitorPart[]; results: string }) => {
    const { part, results, ...extent } = o;
    done(await monitorBench({ extent, parts: part, resultDir: resolve(results), say }));
  });

program
  .command('density')
  .description('Weighs the runtime with a full node of pods: PSS of the daemon and all of its helpers.')
  .option('--pods <n>', 'pods of one container, asked for at once', count, 110)
  .option('--poll-seconds <n>', 'how long a kubelet polls before', count, 60)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: { pods: number; pollSeconds: number; results: string }) => {
    const { pods, pollSeconds, results } = o;
    done(await densityBench({ pods, pollSeconds, resultDir: resolve(results), say }));
  });

program
  .command('streaming')
  .description('Sends data through exec and port-forward and back, beside a peer.')
  .option('--mib <n>', 'MiB each way', count, 1024)
  .option('--rounds <n>', 'rounds of each; the faster one counts', count, 3)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: { mib: number; rounds: number; results: string }) => {
    const { mib, rounds, results } = o;
    done(await streamBench({ mib, rounds, resultDir: resolve(results), say }));
  });

program
  .command('stats')
  .description(
    'Compares what berth and a peer say that the same load uses; status 1 where they differ by more than they may.',
  )
  .option('--seconds <n>', 'how long the interval is', count, 20)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: { seconds: number; results: string }) => {
    const { file, alike } = await compareStats({ seconds: o.seconds, resultDir: resolve(o.results), say });
    done(file);
    if (!alike) process.exitCode = 1;
  });

const pullers: readonly PullerName[] = ['berth', 'peer', 'peer without sync'];

program
  .command('pull')
  .description('Pulls a large image beside a containerd from 2.0 on (BERTH_PEER), with and without its sync.')
  .option('--rounds <n>', 'rounds of each; the quieter one counts', count, 3)
  .addOption(new Option('--only <name...>', 'only these').choices(pullers).default(pullers))
  .option('--cache <dir>', 'where the image is kept', process.env['BERTH_BENCH_CACHE'] ?? '/var/cache/berth-bench')
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .action(async (o: { rounds: number; only: readonly PullerName[]; cache: string; results: string }) => {
    const { rounds, only, cache, results } = o;
    done(await pullBench({ rounds, only, cacheDir: resolve(cache), resultDir: resolve(results), say }));
  });

program.parseAsync().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
