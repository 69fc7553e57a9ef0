import { status } from '@grpc/grpc-js';
import { BerthError, catalog, createLog, type ErrorCode, type Log } from '../../src/base';
import { statusOf } from '../../src/cri/grpc-status';
import { answer, connect } from './support/connection';
import { imageRecord } from './support/records';
import { memoryRooms } from './support/rooms';

const codes = Object.keys(catalog).filter((code): code is ErrorCode => Object.hasOwn(catalog, code));

test.each(codes)('%s is answered with the status of the catalog and the whole text', async (code) => {
  const rooms = memoryRooms();
  rooms.behave('start', () => {
    throw new BerthError(code, { op: 'start', object: 'container c1', detail: 'it went wrong', remedy: 'mend it' });
  });
  await using connection = await connect(rooms);
  await expect(answer((done) => connection.runtime.startContainer({ containerId: 'c1' }, done))).rejects.toMatchObject({
    code: status[catalog[code].status],
    details: 'start: container c1: it went wrong (mend it)',
  });
});

test.each([
  ['an Error', new TypeError('x is not a function'), 'x is not a function'],
  ['text', 'thrown text', 'thrown text'],
  ['text with half a character', 'a\ud800b', 'a\ufffdb'],
])('%s that is no BerthError is INTERNAL with its own words', async (_what, thrown, details) => {
  const rooms = memoryRooms();
  rooms.behave('stop', () => Promise.reject(thrown));
  await using connection = await connect(rooms);
  await expect(
    answer((done) => connection.runtime.stopContainer({ containerId: 'c1', timeout: 0n }, done)),
  ).rejects.toMatchObject({ code: status.INTERNAL, details });
});

test('a text longer than trailers may be is cut', async () => {
  const rooms = memoryRooms();
  rooms.behave('start', () => {
    throw new Error('y'.repeat(1_000_000));
  });
  await using connection = await connect(rooms);
  const error: unknown = await answer((done) => connection.runtime.startContainer({ containerId: 'c1' }, done)).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: status.INTERNAL,
    details: expect.stringMatching(/^y{8192}… \(cut\)$/) as string,
  });
});

describe('the log', () => {
  test('has method, duration, code and ids; reads at debug, failures of ours with a stack; never a secret', async () => {
    const { log, lines } = recordingLog();
    const rooms = memoryRooms(log);
    rooms.imageRecords.push(imageRecord());
    rooms.behave('pull', () => {
      throw new TypeError('a bug');
    });
    await using connection = await connect(rooms);
    await answer((done) => connection.runtime.stopPodSandbox({ podSandboxId: 'p1' }, done));
    await answer((done) => connection.runtime.version({ version: '' }, done));
    const image = {
      image: 'example.org/a:1',
      annotations: {},
      userSpecifiedImage: '',
      runtimeHandler: '',
      imageRef: '',
    };
    const auth = {
      username: 'u',
      password: 'hunter2',
      auth: 'hunter2',
      serverAddress: '',
      identityToken: 'hunter2',
      registryToken: 'hunter2',
    };
    await expect(
      answer((done) => connection.image.pullImage({ image, auth, sandboxConfig: undefined }, done)),
    ).rejects.toMatchObject({ code: status.INTERNAL });
    expect(lines).toMatchObject([
      { level: 'info', fields: { rpc: 'StopPodSandbox', code: 'OK', pod: 'p1', ms: expect.any(Number) as number } },
      { level: 'debug', fields: { rpc: 'Version', code: 'OK' } },
      {
        level: 'error',
        text: 'PullImage: a bug',
        fields: {
          rpc: 'PullImage',
          code: 'INTERNAL',
          image: 'example.org/a:1',
          err: expect.any(TypeError) as TypeError,
        },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  test('has the ids of the answer: what was made', async () => {
    const { log, lines } = recordingLog();
    await using connection = await connect(memoryRooms(log));
    const metadata = { name: 'web', namespace: 'shop', uid: 'u', attempt: 0 };
    await answer((done) =>
      connection.runtime.runPodSandbox(
        {
          config: {
            metadata,
            hostname: '',
            logDirectory: '',
            dnsConfig: undefined,
            portMappings: [],
            labels: {},
            annotations: {},
            linux: undefined,
            windows: undefined,
          },
          runtimeHandler: '',
        },
        done,
      ),
    );
    expect(lines).toMatchObject([{ fields: { pod: 'f'.repeat(64), namespace: 'shop', name: 'web' } }]);
  });
});

interface Line {
  readonly level: string;
  readonly fields: unknown;
  readonly text: string;
}

/** A log that keeps what it is told. */
function recordingLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const keep = (level: string) => (fields: unknown, text: string) => void lines.push({ level, fields, text });
  const log: Log = Object.assign(createLog('fatal'), {
    error: keep('error'),
    warn: keep('warn'),
    info: keep('info'),
    debug: keep('debug'),
  });
  return { log, lines };
}

describe('what the kubelet tells in its own words', () => {
  const image = { image: 'example.org/a:1', annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
  const pull = async (code: ErrorCode, log?: Log) => {
    const rooms = memoryRooms(log);
    rooms.imageRecords.push(imageRecord());
    rooms.behave('pull', () => {
      throw new BerthError(code, { op: 'pull', object: 'example.org/a:1', detail: 'it went wrong', remedy: 'mend it' });
    });
    await using connection = await connect(rooms);
    // Awaited here: the connection ends with this function.
    return await answer((done) =>
      connection.image.pullImage({ image, auth: undefined, sandboxConfig: undefined }, done),
    );
  };
  const text = 'pull: example.org/a:1: it went wrong (mend it)';

  // kubelet/images/image_manager.go looks at the beginning, and cri-client's remote_image.go keeps it for UNKNOWN only.
  test.each<[ErrorCode, string]>([
    ['image-signature', 'SignatureValidationFailed'],
    ['registry-unreachable', 'RegistryUnavailable'],
  ])('PullImage: %s is UNKNOWN and begins with %s', async (code, reason) => {
    const { log, lines } = recordingLog();
    await expect(pull(code, log)).rejects.toMatchObject({ code: status.UNKNOWN, details: `${reason}: ${text}` });
    expect(lines).toMatchObject([{ level: 'warn', fields: { rpc: 'PullImage', code: 'UNKNOWN' } }]);
  });

  test('PullImage: other errors have their own codes and no prefix', async () => {
    await expect(pull('registry-denied')).rejects.toMatchObject({ code: status.UNAUTHENTICATED, details: text });
    await expect(pull('manifest-not-found')).rejects.toMatchObject({ code: status.NOT_FOUND, details: text });
  });

  test('CreateContainer: a refused image begins with the reason', () => {
    const error = new BerthError('image-signature', { op: 'CreateContainer', detail: 'no', remedy: 'r' });
    const details = 'SignatureValidationFailed: CreateContainer: no (r)';
    expect(statusOf(error, 'CreateContainer')).toEqual({ code: status.UNKNOWN, details });
    const other = new BerthError('registry-unreachable', { op: 'x', detail: 'no', remedy: 'r' });
    expect(statusOf(other, 'CreateContainer')).toEqual({ code: status.UNAVAILABLE, details: 'x: no (r)' });
  });
});
