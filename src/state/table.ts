import type { Database } from 'lmdb';
import { BerthError, errnoOf, messageOf } from '../base';

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

/** Opens a table and reads all of it; records of an older version are migrated and written back. */
export async function openTable<T extends Versioned>(options: {
  readonly db: Database<unknown, string>;
  readonly kind: string;
  readonly version: T['v'];
  readonly migrations: readonly Migration[];
  readonly key: (record: T) => string;
}): Promise<Table<T>> {
  const { db, kind, key } = options;
  const snapshot = new Map<string, T>();
  const migrated: T[] = [];
  for (const { key: id, value } of db.getRange()) {
    const record = upgrade<T>(value, options, id);
    if (record !== value) migrated.push(record);
    snapshot.set(id, record);
  }

  const write = async (op: string, change: () => void): Promise<void> => {
    try {
      await db.transaction(change);
    } catch (error) {
      throw writeError(error, op, kind);
    }
  };
  const putAll = async (records: readonly T[]): Promise<void> => {
    await write('put', () => records.forEach((record) => void db.put(key(record), record)));
    for (const record of records) snapshot.set(key(record), Object.freeze(record));
  };
  if (migrated.length > 0) await putAll(migrated);

  return {
    get: (id) => snapshot.get(id),
    values: () => snapshot.values(),
    put: (record) => putAll([record]),
    putAll,
    delete: async (...ids) => {
      await write('delete', () => ids.forEach((id) => void db.remove(id)));
      for (const id of ids) snapshot.delete(id);
    },
  };
}

function upgrade<T extends Versioned>(
  value: unknown,
  { kind, version, migrations }: { kind: string; version: number; migrations: readonly Migration[] },
  id: string,
): T {
  if (!isVersioned(value)) {
    throw new BerthError('state-corrupt', { op: 'open the state', object: `${kind} ${id}`, detail: 'not a record' });
  }
  if (value.v > version) {
    const detail = `version ${value.v} was written by a newer berth; this one knows ${version}`;
    throw new BerthError('state-newer', { op: 'open the state', object: `${kind} ${id}`, detail });
  }
  let record: object = value;
  for (const migrate of migrations.slice(value.v - 1)) record = migrate(record);
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
