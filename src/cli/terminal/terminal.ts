import { spawnSync } from 'node:child_process';
import type { TerminalSize } from '../../streaming';

/** The terminal at which berth was started. */
export interface Terminal {
  /** Passes each key on as it is pressed, and nothing does what it usually does, until it is disposed of. */
  raw(): Disposable;
  /** Undefined where nothing that is written to is a terminal. */
  size(): TerminalSize | undefined;
  onResize(listener: () => void): Disposable;
}

/** The process's own terminal; undefined if standard input is none. */
export function processTerminal(): Terminal | undefined {
  const { stdin } = process;
  if (!stdin.isTTY) return undefined;
  const screen = [process.stdout, process.stderr].find((stream) => stream.isTTY);
  return {
    raw() {
      stdin.setRawMode(true);
      // Node leaves the terminal a carriage return with each newline: what draws a whole screen means a newline only.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      const restore = () => void stdin.setRawMode(false);
      // The usual end of a hang-up, of which Node tells nobody.
      const hangUp = () => {
        dispose();
        process.kill(process.pid, 'SIGHUP');
      };
      const dispose = () => {
        process.off('exit', restore).off('SIGHUP', hangUp);
        restore();
      };
      process.on('exit', restore).on('SIGHUP', hangUp);
      return { [Symbol.dispose]: dispose };
    },
    size() {
      if (!screen || !screen.columns || !screen.rows) return undefined;
      return { width: screen.columns, height: screen.rows };
    },
    onResize(listener) {
      screen?.on('resize', listener);
      return { [Symbol.dispose]: () => void screen?.off('resize', listener) };
    },
  };
}
