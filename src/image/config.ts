import { z } from 'zod';
import { BerthError, firstIssue } from '../base';
import type { ImageConfig } from '../state';
import { isDigest } from './digest';
import { readDocument } from './manifest';

// Docker writes null for what is empty.
const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const keys = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((map) => Object.keys(map ?? {}));
const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((map) => map ?? {});

const run = z.object({
  User: text,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  WorkingDir: text,
  Volumes: keys,
  StopSignal: text,
  Labels: labels,
});

const document = z.object({
  architecture: text,
  os: text,
  config: run.nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string().refine(isDigest, 'is not a sha256 digest')) }),
});

/** What a configuration says of the image. */
export interface ParsedConfig {
  readonly os: string;
  readonly architecture: string;
  /** Digests of the uncompressed layers, base first. */
  readonly diffIds: readonly string[];
  readonly config: ImageConfig;
}

/** Reads an image configuration (image spec, config.md). Throws `manifest-invalid`. */
export function parseImageConfig(bytes: Uint8Array, layerCount: number, object: string): ParsedConfig {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('manifest-invalid', { op: 'read image config', object, detail, cause });
  const result = document.safeParse(readDocument(bytes, object));
  if (!result.success) throw fail(firstIssue(result.error), result.error);
  const { os, architecture, config, rootfs } = result.data;
  if (rootfs.diff_ids.length !== layerCount) {
    throw fail(`it names ${rootfs.diff_ids.length} layers, the manifest ${layerCount}`);
  }
  return { os, architecture, diffIds: rootfs.diff_ids, config: toImageConfig(config ?? run.parse({})) };
}

/** What an artifact's record has, which nothing runs. */
export const emptyConfig: ImageConfig = toImageConfig(run.parse({}));

function toImageConfig(config: z.output<typeof run>): ImageConfig {
  return {
    user: config.User,
    env: config.Env,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    workingDir: config.WorkingDir,
    volumes: config.Volumes,
    stopSignal: config.StopSignal,
    labels: config.Labels,
  };
}
