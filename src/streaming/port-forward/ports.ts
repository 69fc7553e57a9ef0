import { BerthError } from '../../base';

/** A port as a header or a query has it: 1 to 65535; undefined if it is none. */
export function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** The ports of `?port=80&port=81`, or `?port=80,81` (or `ports`). Throws `stream-protocol` for what is none. */
export function queryPorts(query: URLSearchParams): readonly number[] {
  return [...query.getAll('port'), ...query.getAll('ports')]
    .flatMap((value) => value.split(','))
    .map((text) => {
      const port = parsePort(text);
      if (port !== undefined) return port;
      throw new BerthError('stream-protocol', {
        op: 'portforward',
        detail: `${JSON.stringify(text.slice(0, 20))} is no port`,
      });
    });
}
