import { dirname, isAbsolute, join, normalize } from 'node:path';
import { BerthError } from '../base';
import type { Kernel } from '../kernel';
import { pathProblem } from '../spec';
import type { ContainerConfig, PodSandboxConfig } from '../wire';

/** The container's log (CRI: log_path is relative to the pod's log_directory); empty if none is wanted. */
export function logPathOf(sandbox: PodSandboxConfig, config: ContainerConfig): string {
  if (!sandbox.logDirectory || !config.logPath) return '';
  const fail = (field: string, detail: string) =>
    new BerthError('argument-invalid', { op: 'CreateContainer', object: field, detail });
  if (!isAbsolute(sandbox.logDirectory)) throw fail('sandbox_config.log_directory', 'it must be an absolute path');
  const relative = normalize(config.logPath);
  const leaves = isAbsolute(relative) || relative === '..' || relative.startsWith('../');
  if (leaves || relative === '.' || relative.endsWith('/')) {
    throw fail('config.log_path', `${shown(config.logPath)} is not a file below log_directory`);
  }
  const path = join(sandbox.logDirectory, relative);
  const problem = pathProblem(path);
  if (problem) throw fail('config.log_path', `${shown(config.logPath)} ${problem}`);
  return path;
}

const shown = (path: string): string => JSON.stringify(path.slice(0, 200));

/** Makes the log's folder: what a client names below log_directory stays below it, whatever links lie there. */
export async function makeLogFolder(kernel: Kernel, sandbox: PodSandboxConfig, logPath: string): Promise<void> {
  const folder = dirname(logPath).slice(sandbox.logDirectory.length);
  if (logPath && folder) await kernel.mkdirInRoot(sandbox.logDirectory, folder, 0o755, 0, 0);
}
