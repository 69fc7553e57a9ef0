import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { readRequest } from '../../src/cri/check/request';
import { CreateContainerRequest, RuntimeServiceService } from '../../src/wire';
import { refusalOf } from '../spec/fixture';
import { connect } from './support/connection';
import { memoryRooms } from './support/rooms';

const read = (request: Parameters<typeof CreateContainerRequest.fromPartial>[0]) =>
  readRequest(
    'CreateContainer',
    (bytes) => CreateContainerRequest.decode(bytes),
    Buffer.from(CreateContainerRequest.encode(CreateContainerRequest.fromPartial(request)).finish()),
  );

test.each<[string, Parameters<typeof read>[0]]>([
  ['pod_sandbox_id', { podSandboxId: 'a\0' }],
  ['config.log_path', { config: { logPath: 'a\0b' } }],
  ['config.command[1]', { config: { command: ['sh', '\0'] } }],
  ['config.mounts[0].container_path', { config: { mounts: [{ containerPath: '/\0' }] } }],
  ['config.CDI_devices[0].name', { config: { CDIDevices: [{ name: '\0' }] } }],
  ['config.labels.key', { config: { labels: { key: '\0' } } }],
  ['config.labels["a\\u0000b"]', { config: { labels: { 'a\0b': 'x' } } }],
])('a NUL in %s is refused by its name', (field, request) => {
  expect(refusalOf(() => read(request))).toMatchObject({
    code: 'argument-invalid',
    object: field,
    detail: 'has a NUL byte',
  });
});

test('bytes may hold a NUL here: what they mean is looked at later', () => {
  const value = Buffer.from([0]);
  expect(read({ config: { envs: [{ key: 'K', value }] } }).config?.envs).toEqual([{ key: 'K', value }]);
});

test.each([
  ['Version', 'unary', Buffer.from([0x0a, 0x7f])],
  ['StreamContainers', 'stream', Buffer.from([0x0e, 1])],
] as const)('bytes that are no %s request are INVALID_ARGUMENT, not a fault of ours', async (rpc, kind, bytes) => {
  await using connection = await connect(memoryRooms());
  const client = new Client(`unix:${connection.socket}`, credentials.createInsecure());
  const asIs = (buffer: Buffer): Buffer => buffer;
  const path = kind === 'unary' ? RuntimeServiceService.version.path : RuntimeServiceService.streamContainers.path;
  const error = await new Promise<ServiceError | null>((resolve) => {
    if (kind === 'unary') client.makeUnaryRequest(path, asIs, asIs, bytes, (failed) => resolve(failed));
    else
      client
        .makeServerStreamRequest(path, asIs, asIs, bytes)
        .on('error', (failed) => resolve(failed as ServiceError))
        .on('end', () => resolve(null))
        .resume();
  });
  client.close();
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(error?.details).toMatch(new RegExp(`^${rpc}: request: its bytes are no such message`));
});
