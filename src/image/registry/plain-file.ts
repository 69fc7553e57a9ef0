import { discard, readBody } from './body';
import { endpointAt } from './endpoint';
import { PatientHttp, type PatientOptions } from './patient';
import { statusError } from './status-error';

/**
 * A file of a web server that is no registry, without credentials; undefined if it is not there (404). Throws what
 * reaching a registry throws; more than `limit` bytes are `registry-protocol`.
 */
export async function fetchFile(
  options: Omit<PatientOptions, 'endpoint' | 'last'>,
  url: URL,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { http, patience, meter, log } = options;
  const patient = new PatientHttp({ http, patience, meter, log, endpoint: endpointAt(url), last: true });
  const response = await patient.send({ method: 'GET', url, headers: {} }, patient.tries(), signal);
  if (response.status === 200) return readBody(response, limit);
  if (response.status !== 404) throw await statusError(response, 'registry-protocol');
  discard(response.body);
  return undefined;
}
