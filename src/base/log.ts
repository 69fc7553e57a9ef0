import pino from 'pino';
import { currentJob } from './stages';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** The log as rooms see it: structured, with children that carry an object's id. */
export type Log = Pick<pino.Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'> & {
  child(bindings: Record<string, unknown>): Log;
};

/** The rooms of src/ that write into the log of berthd. */
export const rooms = [
  'kernel',
  'state',
  'streaming',
  'storage',
  'image',
  'runtime',
  'pods',
  'containers',
  'observe',
  'recovery',
  'cri',
  'daemon',
] as const;
export type Room = (typeof rooms)[number];

/** What is less than its level is not written: that of its room, if it has one, else the one of all. */
export interface Levels {
  readonly level: LogLevel;
  readonly filters: Readonly<Partial<Record<Room, LogLevel>>>;
}

/** The log of a process, from which each room has its own. */
export interface RootLog extends Log {
  /** Its lines say which room they are from. */
  room(name: Room): Log;
  /** From now on, for all rooms. Children of rooms' logs keep the level that they were made with. */
  setLevels(levels: Levels): void;
}

/** Keys whose values are never written, at any of the depths where our objects carry them. */
const secrets = ['password', 'auth', 'identityToken', 'registryToken', 'authorization', 'token', 'secret'];

/** The log of a process: JSON lines on the given descriptor (stderr by default) or to a function, secrets blanked. */
export function createLog(level: LogLevel, to: number | { write(line: string): void } = 2): RootLog {
  const paths = secrets.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, redact: paths, mixin: ofJob };
  return withRooms(pino(options, typeof to === 'number' ? pino.destination({ fd: to, sync: true }) : to));
}

/** A log that says nothing, for tests and short-lived commands. */
export function silentLog(): RootLog {
  return withRooms(pino({ enabled: false }));
}

function withRooms(root: pino.Logger): RootLog {
  const logs = new Map<Room, pino.Logger>();
  let filters: Levels['filters'] = {};
  const room = (name: Room): Log => {
    let log = logs.get(name);
    if (!log) {
      logs.set(name, (log = root.child({ room: name })));
      log.level = filters[name] ?? root.level;
    }
    return log;
  };
  const setLevels = (next: Levels): void => {
    // One that says nothing goes on to do so.
    if (root.level === 'silent') return;
    filters = next.filters;
    root.level = next.level;
    for (const [name, log] of logs) log.level = filters[name] ?? next.level;
  };
  return Object.assign(root, { room, setLevels });
}

/** The job that a line is written during. */
function ofJob(): object {
  const job = currentJob();
  return job ? { job: job.id } : {};
}
