import pino from 'pino';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** The log as rooms see it: structured, with children that carry an object's id. */
export type Log = Pick<pino.Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'> & {
  child(bindings: Record<string, unknown>): Log;
  /** What is less than this is not written; children keep what they were made with. */
  level: string;
};

/** Keys whose values are never written, at any of the depths where our objects carry them. */
const secrets = ['password', 'auth', 'identityToken', 'registryToken', 'authorization', 'token', 'secret'];

/** The log of a process: JSON lines on the given descriptor (stderr by default), secrets blanked. */
export function createLog(level: LogLevel, fd = 2): Log {
  const paths = secrets.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  return pino(
    { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, redact: paths },
    pino.destination({ fd, sync: true }),
  );
}

/** A log that says nothing, for tests and short-lived commands. */
export function silentLog(): Log {
  return pino({ enabled: false });
}
