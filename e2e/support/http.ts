import { get } from 'node:http';

/** The body that an address answers with; undefined while nobody listens there. */
export function pageAt(address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${address}/`, { agent: false, timeout: 2000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ETIMEDOUT'].includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
  });
}
