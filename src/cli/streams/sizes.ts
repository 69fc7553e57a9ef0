import type { ExecClient } from '../../streaming';
import type { Terminal } from '../terminal/terminal';

/** Tells a session the size of our terminal, now and with each change, until it is disposed of. */
export function followSize(terminal: Terminal, session: Pick<ExecClient, 'resize'>): Disposable {
  const tell = () => {
    const size = terminal.size();
    if (size) session.resize(size);
  };
  tell();
  return terminal.onResize(tell);
}
