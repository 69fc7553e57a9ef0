import { messageOf } from '../errors/berth-error';
import { inJob } from './context';
import { beginJob, endJob } from './jobs';

/** gRPC's INTERNAL: nobody is told the status of what berthd does by itself. */
const failed = 13;

/** Runs a work of berthd's own as a job, also where it is begun by another. */
export async function backgroundJob<T>(
  name: string,
  ids: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const job = beginJob({ name, kind: 'background', ids });
  try {
    const value = await inJob(job, work);
    endJob(job, { code: 0 });
    return value;
  } catch (error) {
    endJob(job, { code: failed, error: messageOf(error) });
    throw error;
  }
}
