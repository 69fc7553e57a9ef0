import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BerthError, errnoOf, messageOf } from '../base';
import { seccompRequest, type SeccompProfileFile } from '../spec';
import type { ContainerConfig } from '../wire';

/** The largest profile that is read, in bytes. */
const largest = 4 * 1024 ** 2;

/** Reads the localhost profile that a container asks for, if it asks for one. @throws `argument-invalid`, naming the file. */
export async function readSeccompProfile(id: string, config: ContainerConfig): Promise<SeccompProfileFile | undefined> {
  const request = seccompRequest(id, config.linux?.securityContext);
  if (request.kind !== 'localhost') return undefined;
  const { path } = request;
  const fail: Fail = (detail, cause) =>
    new BerthError('argument-invalid', { op: 'CreateContainer', object: `seccomp profile ${path}`, detail, cause });
  try {
    return { name: path, text: await readProfile(path, fail) };
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw fail(errnoOf(error) ?? messageOf(error), error);
  }
}

type Fail = (detail: string, cause?: unknown) => BerthError;

/** A device could have no end, a pipe no writer, a file of the kernel's nothing to read yet: none of them is waited for. */
async function readProfile(path: string, fail: Fail): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (!(await file.stat()).isFile()) throw fail('it is no regular file');
  const chunks: Buffer[] = [];
  for await (const chunk of file.createReadStream({ end: largest, autoClose: false })) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.length > largest) throw fail(`it is larger than ${largest} bytes`);
  return bytes.toString('utf8');
}
