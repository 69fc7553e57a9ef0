import type { Kernel, RunRequest, RunResult } from './kernel';
import { maxStdin } from './protocol/ops';

/** Runs a program to its end with stdin of any length; what a request to the launcher does not hold is streamed. */
export async function runWithInput(
  kernel: Kernel,
  request: Omit<RunRequest, 'stdin'>,
  stdin: string,
  signal?: AbortSignal,
): Promise<RunResult> {
  if (Buffer.byteLength(stdin) <= maxStdin) return kernel.run({ ...request, stdin }, signal);
  const streamed = await kernel.runStreamed(request, signal);
  streamed.stdin.end(stdin);
  return streamed.result;
}
