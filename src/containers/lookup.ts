import { BerthError } from '../base';
import type { Monitor } from '../runtime';
import type { ContainerRecord, Table } from '../state';
import type { Stopper } from './stop';
import type { Supervisor } from './supervisor';

/** Containers by their id, as calls may find them. */
export interface Lookup {
  /** Not one that is being made or removed: rejects `container-not-found`. */
  readonly require: (id: string, op: string) => ContainerRecord;
  /** The monitor of one that runs and is not being killed: rejects `container-state`. */
  readonly running: (id: string, op: string) => Monitor;
  /** The monitor of one whose streams can be taken part in: before its start, too. */
  readonly attachable: (id: string, op: string) => Monitor;
}

/** Whether callers may see it. */
export function visible({ phase }: ContainerRecord): boolean {
  return phase !== 'creating' && phase !== 'removing';
}

export function lookupIn(table: Table<ContainerRecord>, supervisor: Supervisor, stopper: Stopper): Lookup {
  const wrongState = (id: string, op: string, detail: string) =>
    new BerthError('container-state', { op, object: `container ${id}`, detail });
  const lookup: Lookup = {
    require(id, op) {
      const record = table.get(id);
      if (record && visible(record)) return record;
      const detail = 'there is no such container';
      throw new BerthError('container-not-found', { op, object: `container ${id}`, detail });
    },

    running(id, op) {
      const { phase } = lookup.require(id, op);
      if (phase !== 'running') throw wrongState(id, op, `it is ${phase}, not running`);
      if (stopper.killing(id)) throw wrongState(id, op, 'it is being killed');
      return supervisor.monitor(id, op);
    },

    attachable(id, op) {
      const { phase } = lookup.require(id, op);
      if (phase === 'created' || phase === 'running') return supervisor.monitor(id, op);
      throw wrongState(id, op, `it is ${phase}, neither created nor running`);
    },
  };
  return lookup;
}
