import type { FigureName } from './figures';
import type { LoadName } from './load';
import type { Expectation, Tolerance } from './verdict';

const mib = 1024 * 1024;

/** A quota is kept over periods of a tenth of a second, and the daemons read one behind the other. */
const cores: Tolerance = { part: 0.05, absolute: 0.02 };
/** Memory is charged in batches for each processor, and the image's files to who reads them first. */
const memory: Tolerance = { part: 0.05, absolute: 2 * mib };
/** Programs are loaded at other addresses each time. */
const faults: Tolerance = { part: 0.03, absolute: 100 };
const exact: Tolerance = {};
/** Headers: the kernel cuts the same bytes into more or fewer packets. */
const network: Tolerance = { part: 0.05 };

const of = (
  subject: LoadName | 'pod',
  figure: FigureName,
  tolerance: Tolerance,
  byDefinition?: string,
): Expectation => ({ subject, figure, tolerance, ...(byDefinition !== undefined && { byDefinition }) });

/** What is compared, of which part of the load. */
export const expectations: readonly Expectation[] = [
  of('burns', 'cpu over the interval, cores', cores),
  of('burns', 'cpu.usage_nano_cores, cores', cores),
  of(
    'burns',
    'memory.available_bytes',
    exact,
    'CRI has it as the limit less the working set; without a limit there is nothing to tell, and 0 would be a container that is full.',
  ),
  of('holds', 'memory.usage_bytes', memory),
  of('holds', 'memory.working_set_bytes', memory),
  of('holds', 'memory.rss_bytes', memory),
  of('holds', 'memory.available_bytes', memory),
  of('holds', 'memory.page_faults', faults),
  of('holds', 'memory.major_page_faults', { absolute: 50 }),
  of('writes', 'memory.usage_bytes', memory),
  of('writes', 'memory.working_set_bytes', memory),
  of('writes', 'writable_layer.used_bytes', { part: 0.01 }),
  of('writes', 'writable_layer.inodes_used', exact),
  of('forks', 'memory.page_faults', faults),
  of('forks', 'memory.rss_bytes', memory),
  of('pod', 'cpu over the interval, cores', cores),
  of('pod', 'cpu.usage_nano_cores, cores', cores),
  of('pod', 'memory.usage_bytes', memory),
  of('pod', 'memory.working_set_bytes', memory),
  of('pod', 'memory.rss_bytes', memory),
  of('pod', 'memory.page_faults', faults),
  of('pod', 'process.process_count', exact),
  of('pod', 'network.rx_bytes', network),
  of('pod', 'network.tx_bytes', network),
];
