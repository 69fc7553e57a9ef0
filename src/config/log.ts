import { z } from 'zod';
import { rooms } from '../base';

const level = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']);

/** Seconds; 0: never. */
const seconds = z.number().min(0).max(86_400);

/**
 * From when on an operation is slow: those of a kind, and those that take long by their nature by their names.
 * A stop has the grace that was asked for, an exec is the command's affair.
 */
const usualSlow = {
  read: 1,
  change: 10,
  background: 60,
  Check: 0,
  CheckpointContainer: 60,
  ExecSync: 0,
  LoadImage: 120,
  Pull: 120,
  PullImage: 120,
  StopContainer: 60,
};

/** What berthd writes into its log. */
export const logSchema = z
  .strictObject({
    level: level.default('info'),
    /** Levels of single rooms of src/, instead. */
    filters: z.partialRecord(z.enum(rooms), level).default({}),
    /** Seconds after which an operation is told of while it still runs: by kind, or by the name of an RPC. 0: never. */
    slow_operation: z
      .record(
        z.string().regex(/^(read|change|background|[A-Z][A-Za-z]+)$/, 'must be a kind or the name of an RPC'),
        seconds,
      )
      .prefault({})
      .transform((given) => ({ ...usualSlow, ...given })),
  })
  .prefault({});

/** From when on an operation is slow, in milliseconds; Infinity: never. Its name counts before its kind. */
export function slowAfterMs(
  { log }: { readonly log: z.output<typeof logSchema> },
  { name, kind }: { readonly name: string; readonly kind: 'read' | 'change' | 'background' },
): number {
  const limits: Readonly<Record<string, number>> = log.slow_operation;
  const seconds = Object.hasOwn(limits, name) ? limits[name] : limits[kind];
  return seconds ? seconds * 1000 : Infinity;
}
