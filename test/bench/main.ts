import { Command, InvalidArgumentError } from 'commander';
import { resolve } from 'node:path';
import { bench } from './bench';

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a number from 1 is needed');
  return value;
};

const options = new Command('bench')
  .description('Measures berth beside a peer (BERTH_PEER, or Debian’s containerd) and the bare programs.')
  .option('--rounds <n>', 'rounds of each; the quieter one counts', count, 2)
  .option('--pods <n>', 'pods started and stopped one after the other, a round', count, 20)
  .option('--execs <n>', 'commands run one after the other, a round', count, 40)
  .option('--burst <n>', 'pods asked for at once', count, 110)
  .option('--results <dir>', 'where the JSON goes', 'bench-results')
  .parse()
  .opts<{ rounds: number; pods: number; execs: number; burst: number; results: string }>();

bench({
  extent: { pods: options.pods, execs: options.execs, burst: options.burst },
  rounds: options.rounds,
  resultDir: resolve(options.results),
  say: (line) => console.log(line),
}).then(
  (file) => console.log(`\nwritten to ${file}`),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
