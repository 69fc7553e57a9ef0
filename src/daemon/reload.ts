import { type Log, messageOf } from '../base';
import type { Config } from '../config';
import type { Engine } from '../engine';

/** Reloads the configuration at each SIGHUP, one reload after the other, until disposed of. */
export function reloadOnHangUp(engine: Pick<Engine, 'reload'>, reread: () => Promise<Config>, log: Log): Disposable {
  let last = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      const changed = await engine.reload(await reread());
      log.info({ changed }, 'the configuration was reloaded');
    } catch (error) {
      log.error({ err: error }, `the configuration was not reloaded, that of before holds: ${messageOf(error)}`);
    }
  };
  const onHangUp = () => void (last = last.then(reload));
  process.on('SIGHUP', onHangUp);
  return { [Symbol.dispose]: () => void process.off('SIGHUP', onHangUp) };
}
