import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { BerthError, abortError, anySignal, messageOf } from '../../base';
import type { RunResult } from '../../kernel';
import type { StorageKernel } from '../options';

/** Why a layer can only be applied over the layers below it. */
const needsParents = z.object({ path: z.string(), reason: z.string() });

const applied = z.object({
  ok: z.literal(true),
  blobDigest: z.string(),
  blobSize: z.number(),
  diffId: z.string(),
  unpackedBytes: z.number(),
  inodes: z.number(),
  impliedParents: z.number(),
  rootNamed: z.boolean(),
  needsParents: needsParents.optional(),
});

const failed = z.object({
  ok: z.literal(false),
  code: z.enum(['invalid', 'too-large', 'oversize', 'no-space', 'system']),
  message: z.string(),
  /** Which limit it was, if it was one. */
  limit: z.enum(['expanded-bytes', 'ratio', 'entries', 'header-bytes', 'cpu-seconds', 'memory']).optional(),
  /** The entry that was read last, as the archive names it. */
  entry: z.string().optional(),
  blobDigest: z.string().optional(),
  blobSize: z.number().optional(),
});

const fixedUp = z.object({ ok: z.literal(true), needsParents: needsParents.optional() });

const compared = z.object({
  ok: z.literal(true),
  entries: z.number(),
  bytes: z.number(),
  /** Paths that differ; the first of them are named. */
  differing: z.number(),
  differences: z.array(z.object({ path: z.string(), what: z.string() })),
});

/** What `unpack compare` gives for a layer that it could read. */
export type Compared = z.infer<typeof compared>;

/** What `unpack apply` and `unpack merge` give for a layer. */
export type Applied = z.infer<typeof applied>;
/** What they give for a layer that cannot be applied. */
export type Failed = z.infer<typeof failed>;

/** What one layer may use, by the keys of the configuration; unpack has a default for each (conmon/unpack/limits.c). */
export interface UnpackLimits {
  readonly expanded_bytes?: number | undefined;
  readonly entries?: number | undefined;
  readonly header_bytes?: number | undefined;
  readonly ratio?: number | undefined;
  readonly cpu_seconds?: number | undefined;
}

const limitOptions = [
  ['expanded_bytes', '--max-expanded'],
  ['entries', '--max-entries'],
  ['header_bytes', '--max-header'],
  ['ratio', '--max-ratio'],
  ['cpu_seconds', '--max-cpu-seconds'],
] as const satisfies readonly (readonly [keyof UnpackLimits, string])[];

/** The unpack program (conmon/unpack/main.c) by its modes. A staging folder holds `diff`, `blob` and `implied`. */
export class Unpacker {
  constructor(
    private readonly kernel: StorageKernel,
    private readonly program: string,
    private readonly bounds: UnpackLimits = {},
    /** Whether all others go first, for the processor and for the disk. */
    private readonly background = false,
  ) {}

  /**
   * Streams a layer's bytes into the staging folder. What the archive is to blame for is a result; an error of the
   * source, a cancelled signal and a program that dies reject. The program is over when this settles.
   */
  apply(
    staging: string,
    size: bigint,
    bytes: Readable,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<Applied | Failed> {
    return this.stream('apply', staging, size, bytes, onBytes, signal);
  }

  /** The same for an archive whose bytes are not kept. */
  async extract(staging: string, size: bigint, bytes: Readable, signal: AbortSignal): Promise<Applied> {
    const result = await this.stream('extract', staging, size, bytes, () => undefined, signal);
    return succeeded(result, 'unpack an archive');
  }

  private async stream(
    mode: 'apply' | 'extract',
    staging: string,
    size: bigint,
    bytes: Readable,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<Applied | Failed> {
    const op = mode === 'apply' ? 'unpack a layer' : 'unpack an archive';
    const stop = new AbortController();
    const args = [mode, '--staging', staging, '--max-compressed', String(size), ...this.commonArgs()];
    const run = await this.kernel.runStreamed({ path: this.program, args }, anySignal(signal, stop.signal));
    const settled = run.result.then(
      () => undefined,
      () => undefined,
    );
    const source = watched(bytes, onBytes);
    try {
      await pipeline(source.bytes, run.stdin, { signal });
    } catch {
      // A program that ended before its input did has the better reason: it is in its result.
      const failure = signal.aborted ? abortError(signal, op) : source.failure();
      if (failure !== undefined) {
        stop.abort(failure);
        await settled;
        throw failure;
      }
    }
    return parse(await run.result, z.union([applied, failed]), op);
  }

  /** Completes implied parents by what is mounted at `merged`; without it their marks are only taken off. */
  async fixUp(staging: string, merged: string | undefined, signal: AbortSignal): Promise<z.infer<typeof fixedUp>> {
    const args = ['fixup', '--staging', staging, ...(merged === undefined ? [] : ['--merged', merged])];
    const op = 'complete a layer';
    return succeeded(
      parse(await this.kernel.run({ path: this.program, args }, signal), z.union([fixedUp, failed]), op),
      op,
    );
  }

  /** Gives a layer's own root owner, mode, attributes and times of another: every layer has one, named or not. */
  async copyRoot(from: string, to: string, signal: AbortSignal): Promise<void> {
    const op = 'complete a layer';
    const run = await this.kernel.run({ path: this.program, args: ['root', '--from', from, '--to', to] }, signal);
    succeeded(parse(run, z.union([fixedUp, failed]), op), op);
  }

  /** Applies the staged blob to the mounted overlay `merged`. */
  async merge(staging: string, merged: string, signal: AbortSignal): Promise<Applied> {
    const args = ['merge', '--staging', staging, '--merged', merged, ...this.commonArgs()];
    const op = 'apply a layer over its parents';
    return succeeded(
      parse(await this.kernel.run({ path: this.program, args }, signal), z.union([applied, failed]), op),
      op,
    );
  }

  /** Says what of a layer's folder is not as in the staged one, which is complete. Changes neither. */
  async compare(staging: string, layer: string, signal: AbortSignal): Promise<Compared> {
    const args = ['compare', '--staging', staging, '--layer', layer, ...this.commonArgs()];
    const op = 'compare a layer';
    return succeeded(
      parse(await this.kernel.run({ path: this.program, args }, signal), z.union([compared, failed]), op),
      op,
    );
  }

  private commonArgs(): string[] {
    const limits = limitOptions.flatMap(([key, option]) => {
      const value = this.bounds[key];
      return value === undefined ? [] : [option, String(value)];
    });
    return this.background ? [...limits, '--background', '1'] : limits;
  }
}

/** The error for a layer that unpack has refused. */
export function unpackError(failure: Failed, op: string, object?: string): BerthError {
  const codes = {
    invalid: 'layer-invalid',
    'too-large': 'layer-invalid',
    oversize: 'digest-mismatch',
    'no-space': 'storage-full',
    system: 'kernel-refused',
  } as const;
  const detail = failure.entry === undefined ? failure.message : `${failure.message} (last entry: ${failure.entry})`;
  return new BerthError(codes[failure.code], { op, object, detail, ...remedyOf(failure) });
}

/** A limit is raised by its key; the others, by building a layer that is less of a burden. */
function remedyOf({ limit }: Failed): { readonly remedy?: string } {
  if (limit === undefined) return {};
  if (limit === 'memory') return { remedy: 'build the image again with fewer attributes and holes in one file' };
  return {
    remedy: `if the image is to be trusted, raise image.layer_limits.${limit.replace('-', '_')} in the configuration`,
  };
}

function succeeded<T extends { readonly ok: true }>(outcome: T | Failed, op: string): T {
  if (!outcome.ok) throw unpackError(outcome, op);
  return outcome;
}

/** Passes the bytes on and remembers whether it was they that failed: a pipeline does not tell its ends apart. */
function watched(bytes: Readable, onBytes: (bytes: number) => void) {
  let failure: Error | undefined;
  async function* pass(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of bytes as AsyncIterable<Buffer>) {
        onBytes(chunk.length);
        yield chunk;
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(messageOf(error));
      throw error;
    }
  }
  return { bytes: pass(), failure: () => failure };
}

/** Reads the one object on stdout; its `ok` and the exit status have to say the same. */
function parse<T extends { readonly ok: boolean }>(run: RunResult, schema: z.ZodType<T>, op: string): T {
  const ended = run.signal === undefined ? `exit status ${run.exitCode}` : `signal ${run.signal}`;
  const stderr = run.stderr.toString().trim();
  const parsed = schema.safeParse(jsonOf(run.stdout.toString()));
  if (parsed.success && run.exitCode === (parsed.data.ok ? 0 : 1)) return parsed.data;
  const detail = `${ended}; ${stderr || 'it gave no result'}`;
  throw new BerthError('program-failed', { op, object: 'unpack', detail, cause: parsed.error });
}

/** What the text says, or undefined if it is no JSON: a program that was killed has printed nothing, or half of it. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
