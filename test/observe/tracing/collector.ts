import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const attribute = z.strictObject({
  key: z.string(),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^\d+$/) }),
  ]),
});

/** A span in OTLP's JSON, as a collector's decoder takes it: ids in hex, times in nanoseconds as text. */
const span = z
  .strictObject({
    traceId: z.string().regex(/^[0-9a-f]{32}$/),
    spanId: z.string().regex(/^[0-9a-f]{16}$/),
    parentSpanId: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .optional(),
    traceState: z.string().optional(),
    name: z.string().min(1),
    kind: z.number().int().min(0).max(5),
    startTimeUnixNano: z.string().regex(/^\d{19}$/),
    endTimeUnixNano: z.string().regex(/^\d{19}$/),
    attributes: z.array(attribute),
    status: z.strictObject({ code: z.number().optional(), message: z.string().optional() }),
  })
  .transform((read) => ({ ...read, attributes: byKey(read.attributes) }));

const exported = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(attribute).transform(byKey) }),
      scopeSpans: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string(), version: z.string() }), spans: z.array(span) }),
      ),
    }),
  ),
});

export type ReadSpan = z.output<typeof span>;

/** A collector of traces on a port of its own: it decodes what comes by the schema of OTLP. */
export interface Collector extends AsyncDisposable {
  readonly endpoint: string;
  readonly spans: ReadSpan[];
  readonly resources: Readonly<Record<string, string>>[];
  /** What it answers from now on. */
  status: number;
  requests: number;
  /** Resolves when there is a span of this name. */
  named(name: string): Promise<ReadSpan>;
  /** Resolves when it has been asked so often. */
  asked(times: number): Promise<void>;
}

export async function openCollector(): Promise<Collector> {
  const waiting = new Set<() => void>();
  const until = <T>(ask: () => T | undefined) =>
    new Promise<T>((resolve) => {
      const look = () => {
        const found = ask();
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const take = async (request: IncomingMessage) => {
    if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json')
      throw new Error('no OTLP');
    for (const { resource, scopeSpans } of exported.parse(JSON.parse(await text(request))).resourceSpans) {
      collector.resources.push(resource.attributes);
      if (collector.status < 300) collector.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
    collector.requests++;
  };
  const server = createServer((request, response) => {
    take(request).then(
      () => {
        response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}');
        waiting.forEach((look) => look());
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const collector: Collector = {
    endpoint: `http://127.0.0.1:${port}`,
    spans: [],
    resources: [],
    status: 200,
    requests: 0,
    named: (name) => until(() => collector.spans.find((each) => each.name === name)),
    asked: (times) => until(() => (collector.requests >= times ? (true as const) : undefined)).then(() => undefined),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return collector;
}

function byKey(attributes: readonly z.output<typeof attribute>[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, 'stringValue' in value ? value.stringValue : value.intValue]),
  );
}
