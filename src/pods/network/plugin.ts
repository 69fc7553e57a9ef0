import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BerthError, messageOf } from '../../base';
import type { Kernel, RunResult } from '../../kernel';

/** One call of one plugin (CNI spec, section 2). */
export interface PluginCall {
  readonly type: string;
  readonly command: 'ADD' | 'DEL';
  readonly containerId: string;
  readonly netns: string;
  readonly args: string;
  readonly stdin: string;
  readonly timeoutMs: number;
}

/** The interface inside the pod. */
export const podInterface = 'eth0';

/** An interrupted rewrite of a plugin's file shows as "text file busy": it is over within a moment. */
const busyRetries = 3;

const failureSchema = z.looseObject({ code: z.number(), msg: z.string(), details: z.string().optional() });

/** Executes a plugin and gives what it wrote to stdout. */
export async function execPlugin(
  kernel: Kernel,
  binDirs: readonly string[],
  call: PluginCall,
  signal?: AbortSignal,
): Promise<string> {
  const path = await findPlugin(binDirs, call);
  const request = {
    path,
    args: [],
    env: {
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.netns,
      CNI_IFNAME: podInterface,
      CNI_ARGS: call.args,
      CNI_PATH: binDirs.join(':'),
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    },
    stdin: call.stdin,
    timeoutMs: call.timeoutMs,
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return outcome(await kernel.run(request, signal), call);
    } catch (error) {
      if (attempt < busyRetries && messageOf(error).includes('ETXTBSY')) continue;
      throw error;
    }
  }
}

async function findPlugin(binDirs: readonly string[], { type, command }: PluginCall): Promise<string> {
  for (const folder of binDirs) {
    const path = join(folder, type);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: the error below names them all.
    }
  }
  throw new BerthError('network-plugin-missing', {
    op: `CNI ${command}`,
    object: `plugin ${type}`,
    detail: `no such program in ${binDirs.join(', ')}`,
  });
}

function outcome(result: RunResult, { type, command }: PluginCall): string {
  if (result.exitCode === 0) return result.stdout.toString('utf8');
  const op = `CNI ${command}`;
  const object = `plugin ${type}`;
  if (result.timedOut)
    throw new BerthError('deadline-exceeded', { op, object, detail: 'the plugin did not end in time' });
  const failure = parseFailure(result.stdout.toString('utf8'));
  if (failure) {
    const detail = [failure.msg, failure.details].filter(Boolean).join(': ') + ` (CNI code ${failure.code})`;
    throw new BerthError(failure.code === 11 ? 'network-try-again' : 'network-plugin-failed', { op, object, detail });
  }
  const how = result.signal === undefined ? `exit status ${result.exitCode}` : `signal ${result.signal}`;
  const said = result.stderr.toString('utf8').trim().slice(0, 500);
  throw new BerthError('network-plugin-failed', { op, object, detail: said ? `${how}: ${said}` : how });
}

function parseFailure(stdout: string): z.output<typeof failureSchema> | undefined {
  try {
    return failureSchema.safeParse(JSON.parse(stdout)).data;
  } catch {
    // No JSON: the plugin died before it could say what was wrong; its exit status and stderr tell.
    return undefined;
  }
}
