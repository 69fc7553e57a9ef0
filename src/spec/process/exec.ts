import { BerthError } from '../../base';
import type { Process, Spec } from '../oci';
import { execProblem } from './exec-limits';

export interface ExecRequest {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  /** Of the terminal, in columns and rows, if it is known already. */
  readonly consoleSize?: { readonly width: number; readonly height: number } | undefined;
}

/**
 * The process of an exec: the container's user, environment, capabilities and confinement with another command.
 * @throws `argument-invalid` for a command that is empty or holds a NUL byte.
 */
export function processSpec(spec: Spec, request: ExecRequest): Process {
  if (!request.cmd[0] || request.cmd.some((arg) => arg.includes('\0'))) {
    throw new BerthError('argument-invalid', {
      op: 'Exec',
      object: `container ${request.containerId}`,
      detail: request.cmd[0] ? 'cmd has a NUL byte' : 'cmd is empty',
    });
  }
  const { env } = spec.process;
  const problem = execProblem(request.cmd, env);
  if (problem)
    throw new BerthError('argument-invalid', {
      op: 'Exec',
      object: `container ${request.containerId}`,
      detail: `cmd: ${problem}`,
    });
  const hasTerm = env.some((pair) => pair.startsWith('TERM='));
  return {
    ...spec.process,
    terminal: request.tty,
    ...(request.tty && request.consoleSize && { consoleSize: request.consoleSize }),
    args: request.cmd,
    env: request.tty && !hasTerm ? [...env, 'TERM=xterm'] : env,
  };
}
