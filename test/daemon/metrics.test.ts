import { type AddressInfo, createServer } from 'node:net';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { openMetrics } from '../../src/daemon/metrics';
import { Rooms } from '../observe/metrics/support/sources';
import { valueOf } from '../observe/metrics/support/exposition';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly url?: string;
}

let lines: Line[];
let rooms: Rooms;
beforeEach(() => {
  lines = [];
  rooms = new Rooms();
});

const open = (address: string) => {
  const write = (line: string) => void lines.push(JSON.parse(line) as Line);
  const config = { address, tls_cert: '', tls_key: '', client_ca: '' };
  return openMetrics(config, rooms.sources, '1.2.3', pino({ level: 'info' }, { write }));
};
const url = () => lines.flatMap((line) => line.url ?? []).at(-1) ?? '';
const page = (from: string) =>
  new Promise<string>((resolve, reject) => {
    get(from, { agent: false }, (response) => void text(response).then(resolve, reject)).on('error', reject);
  });

test('without an address nothing is counted', async () => {
  const endpoint = await open('');
  expect(endpoint.calls).toBeUndefined();
  await endpoint.reload();
  await endpoint.close();
  expect(lines).toEqual([]);
});

test.each(['127.0.0.1:0', '[::1]:0'])('%s is served, with the calls that are told', async (address) => {
  const endpoint = await open(address);
  endpoint.calls?.began('Version');
  endpoint.calls?.ended('Version', 'OK', 0.5);
  expect(valueOf(await page(url()), 'berth_rpc_duration_seconds_sum', { rpc: 'Version', code: 'OK' })).toBe(0.5);
  await endpoint.close();
  await expect(page(url())).rejects.toThrow('ECONNREFUSED');
  expect(lines.map(({ msg }) => msg)).toEqual(['metrics are served']);
});

test('an address that all the network reaches is told where there is no TLS', async () => {
  const endpoint = await open('0.0.0.0:0');
  await endpoint.close();
  expect(lines[0]).toMatchObject({ level: 40, msg: expect.stringContaining('no TLS') as string });
});

test('an address that is taken is told with what to do, and had by a later reload', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
  const endpoint = await open(address);
  await endpoint.reload();
  const told = { level: 50, msg: expect.stringMatching(/no metrics are served.*EADDRINUSE.*reload/) as string };
  expect(lines).toEqual([expect.objectContaining(told), expect.objectContaining(told)]);
  await new Promise((resolve) => holder.close(resolve));
  await endpoint.reload();
  expect(await page(url())).toContain('berth_build_info');
  await endpoint.close();
});
