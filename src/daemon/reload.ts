import { type Log, messageOf } from '../base';
import type { Config } from '../config';
import type { Engine } from '../engine';

/**
 * Reloads the configuration and the listeners' certificates at each SIGHUP, one reload after the other, until disposed of.
 * Certificates that cannot be used make a reload fail before it begins.
 */
export function reloadOnHangUp(
  engine: Pick<Engine, 'reload'>,
  listeners: readonly { reload(): Promise<void> }[],
  reread: () => Promise<Config>,
  log: Log,
): Disposable {
  let last = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      const config = await reread();
      for (const listener of listeners) await listener.reload();
      const changed = await engine.reload(config);
      log.info({ changed }, 'the configuration was reloaded');
    } catch (error) {
      log.error({ err: error }, `the configuration was not reloaded, that of before holds: ${messageOf(error)}`);
    }
  };
  const onHangUp = () => void (last = last.then(reload));
  process.on('SIGHUP', onHangUp);
  return { [Symbol.dispose]: () => void process.off('SIGHUP', onHangUp) };
}
