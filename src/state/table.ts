import type { Database } from 'lmdb';
import type { ZodType } from 'zod';
import { BerthError, type Change, EventBus, errnoOf, isBerthError, messageOf } from '../base';

/** What every record has: its version, and what it is found by. */
interface Versioned {
  readonly v: number;
}

/** One step from a version to the next; the tables hold one for each old version. */
export type Migration = (old: object) => object;

/**
 * Records of one kind: an immutable snapshot of each in memory, so that a read never waits, and LMDB behind it.
 * A write is seen by readers once it is committed: it then survives the death of the process, not yet that of the machine.
 */
export interface Table<T> {
  get(id: string): T | undefined;
  /** Snapshots in the order in which they were first put. */
  values(): IterableIterator<T>;
  put(record: T): Promise<void>;
  /** Several records in one transaction. */
  putAll(records: readonly T[]): Promise<void>;
  delete(...ids: string[]): Promise<void>;
}

/** A table that tells what changes in it, in the order of the changes, once readers see them. */
export interface WatchedTable<T> extends Table<T> {
  readonly changes: Pick<EventBus<Change<T>>, 'subscribe'>;
}

export interface TableOptions<T extends Versioned> {
  readonly db: Database<unknown, string>;
  readonly kind: string;
  readonly version: T['v'];
  readonly migrations: readonly Migration[];
  readonly key: (record: T) => string;
  /** Runs each transaction, to be told of it. */
  readonly around?: (operation: string, transaction: () => Promise<void>) => Promise<void>;
  /** What a record of this version has to have, where more than its version is looked at. */
  readonly shape?: ZodType;
  /** Keeps the bytes of a record that cannot be read, before it is deleted; without it such a record is an error. */
  readonly setAside?: (id: string, bytes: Uint8Array, reason: BerthError) => Promise<void>;
}

/** Opens a table and reads all of it; records of an older version are migrated and written back. */
export async function openTable<T extends Versioned>(options: TableOptions<T>): Promise<WatchedTable<T>> {
  const { db, kind, key, around = (_operation, transaction) => transaction() } = options;
  const snapshot = new Map<string, T>();
  const changes = new EventBus<Change<T>>();
  const migrated: T[] = [];
  const unreadable: string[] = [];
  for (const id of db.getKeys()) {
    try {
      const value = decode(db, kind, id);
      const record = upgrade<T>(value, options, id);
      if (record !== value) migrated.push(record);
      snapshot.set(id, record);
    } catch (error) {
      if (!options.setAside || !isBerthError(error, 'state-corrupt')) throw error;
      await options.setAside(id, db.getBinary(id) ?? new Uint8Array(), error);
      unreadable.push(id);
    }
  }

  const write = async (op: string, change: () => void): Promise<void> => {
    try {
      await around(op, () => db.transaction(change));
    } catch (error) {
      throw writeError(error, op, kind);
    }
  };
  const putAll = async (records: readonly T[]): Promise<void> => {
    await write('put', () => records.forEach((record) => void db.put(key(record), record)));
    const changed = records.map((after) => ({ before: snapshot.get(key(after)), after }));
    for (const record of records) snapshot.set(key(record), Object.freeze(record));
    for (const change of changed) changes.publish(change);
  };
  if (migrated.length > 0) await putAll(migrated);
  if (unreadable.length > 0) await write('delete', () => unreadable.forEach((id) => void db.remove(id)));

  return {
    changes,
    get: (id) => snapshot.get(id),
    values: () => snapshot.values(),
    put: (record) => putAll([record]),
    putAll,
    delete: async (...ids) => {
      await write('delete', () => ids.forEach((id) => void db.remove(id)));
      const gone = ids.map((id) => snapshot.get(id));
      for (const id of ids) snapshot.delete(id);
      for (const before of gone) if (before) changes.publish({ before, after: undefined });
    },
  };
}

/** The stored value; bytes that are none are `state-corrupt`. */
function decode(db: Database<unknown, string>, kind: string, id: string): unknown {
  try {
    return db.get(id);
  } catch (error) {
    throw corrupt(kind, id, messageOf(error), error);
  }
}

function corrupt(kind: string, id: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('state-corrupt', { op: 'open the state', object: `${kind} ${id}`, detail, cause });
}

function upgrade<T extends Versioned>(
  value: unknown,
  { kind, version, migrations, shape }: TableOptions<T>,
  id: string,
): T {
  if (!isVersioned(value)) throw corrupt(kind, id, 'not a record');
  if (value.v > version) {
    const detail = `version ${value.v} was written by a newer berth; this one knows ${version}`;
    throw new BerthError('state-newer', { op: 'open the state', object: `${kind} ${id}`, detail });
  }
  let record: object = value;
  for (const migrate of migrations.slice(value.v - 1)) record = migrate(record);
  const looked = shape?.safeParse(record);
  if (looked?.error) {
    const [issue] = looked.error.issues;
    throw corrupt(kind, id, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a record'}`, looked.error);
  }
  // Version and kind are what decides the shape: the one place where a stored value becomes a typed record.
  return record as T;
}

function isVersioned(value: unknown): value is Versioned {
  return typeof value === 'object' && value !== null && 'v' in value && typeof value.v === 'number' && value.v >= 1;
}

function writeError(error: unknown, op: string, kind: string): BerthError {
  const text = messageOf(error);
  const full = /MDB_MAP_FULL|ENOSPC|No space/.test(text) || errnoOf(error) === 'ENOSPC';
  return new BerthError(full ? 'storage-full' : 'internal', { op: `${op} ${kind}`, detail: text, cause: error });
}
