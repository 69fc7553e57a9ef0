import { dirname, join } from 'node:path';
import { createLog, messageOf } from '../base';
import { loadConfig, type Config } from '../config';
import { readArguments } from './arguments';
import { takePassedSocket } from './passed-socket';
import { serve } from './serve';
import { berthVersion } from './version';

/** Exit statuses of berthd: 0 after a clean stop, 1 when it could not start or serve. */
export async function berthd(argv: readonly string[]): Promise<number> {
  const { configPath, configGiven, overrides } = readArguments(argv, berthVersion);
  const log = createLog('info');
  try {
    const passedSocket = takePassedSocket(process.env, process.pid);
    const read = () => loadConfig(configPath, { required: configGiven, overrides });
    const config = await read();
    log.setLevels(config.log);
    await serve({
      config,
      libexecDir: libexecDir(config),
      log,
      version: berthVersion,
      passedSocket,
      stop: stopSignals(),
      reread: read,
    });
    return 0;
  } catch (error) {
    log.fatal({ err: error }, messageOf(error));
    return 1;
  }
}

/** The native programs lie in conmon/build beside dist/, unless the configuration says otherwise. */
function libexecDir(config: Config): string {
  return config.libexec_dir || join(dirname(__dirname), 'conmon', 'build');
}

/** Resolves with the first signal that asks for an end. */
function stopSignals(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
