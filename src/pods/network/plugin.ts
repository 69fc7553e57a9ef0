import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BerthError, messageOf, pause } from '../../base';
import { runWithInput, type Kernel, type RunResult } from '../../kernel';
import { systemPath } from '../../runtime';

/** One call of one plugin (CNI spec, section 2). */
export interface PluginCall {
  readonly type: string;
  readonly command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC';
  /** Whose interface it is about; STATUS and GC are about the network. */
  readonly attachment?: { readonly containerId: string; readonly netns: string; readonly args: string };
  readonly stdin: string;
  readonly timeoutMs: number;
}

/** The interface inside the pod. */
export const podInterface = 'eth0';

/** While a plugin's file is written anew it is "text file busy": so often, with a pause between them. */
const busyRetries = 5;
const busyPauseMs = 100;

/** Bytes of a program's stdout that are kept (kernel.run). */
const keptOutput = 64 * 1024;

const failureSchema = z.looseObject({ code: z.number(), msg: z.string(), details: z.string().optional() });

/** What a plugin says by the number alone (CNI spec, section 5). */
const meanings: Readonly<Record<number, string>> = {
  50: 'it cannot serve new pods',
  51: 'it cannot serve new pods, and those that run may have lost connections',
};

/** Executes a plugin and gives what it wrote to stdout. */
export async function execPlugin(
  kernel: Kernel,
  binDirs: readonly string[],
  call: PluginCall,
  signal?: AbortSignal,
): Promise<string> {
  const { attachment, command } = call;
  const request = {
    path: await findPlugin(binDirs, call),
    args: [],
    env: {
      CNI_COMMAND: command,
      ...(attachment && {
        CNI_CONTAINERID: attachment.containerId,
        CNI_NETNS: attachment.netns,
        CNI_IFNAME: podInterface,
        CNI_ARGS: attachment.args,
      }),
      CNI_PATH: binDirs.join(':'),
      PATH: systemPath,
    },
    timeoutMs: call.timeoutMs,
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return outcome(await runWithInput(kernel, request, call.stdin, signal), call);
    } catch (error) {
      if (attempt >= busyRetries || !messageOf(error).includes('ETXTBSY')) throw error;
      await pause(busyPauseMs, signal, `CNI ${command}`);
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
  const op = `CNI ${command}`;
  const object = `plugin ${type}`;
  if (result.exitCode === 0) {
    // What came on stderr is a log, and may be as long as it likes.
    const cut = result.truncated && result.stdout.length >= keptOutput;
    if (!cut || command !== 'ADD') return result.stdout.toString('utf8');
    const detail = `it wrote more than ${keptOutput >> 10} KiB to stdout: a result is a few hundred bytes`;
    throw new BerthError('network-plugin-failed', { op, object, detail });
  }
  if (result.timedOut)
    throw new BerthError('deadline-exceeded', { op, object, detail: 'the plugin did not end in time' });
  const failure = parseFailure(result.stdout.toString('utf8'));
  if (failure) {
    const { code, msg, details } = failure;
    const detail = [meanings[code], msg, details].filter(Boolean).join(': ') + ` (CNI code ${code})`;
    throw new BerthError(code === 11 ? 'network-try-again' : 'network-plugin-failed', { op, object, detail });
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
