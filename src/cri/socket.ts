import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { BerthError, errnoOf } from '../base';

/** sun_path of Linux, without its closing NUL: a longer path cannot be bound. */
const maxSocketPath = 107;

/**
 * Makes the path free to be bound: its folders are made, and a socket file that nothing answers on is removed.
 * Rejects `state-locked` if a process answers there, `config-invalid` if the path cannot be a socket's.
 */
export async function claimSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPath) {
    const detail = `the path has ${Buffer.byteLength(path)} bytes; a socket's can have ${maxSocketPath}`;
    throw new BerthError('config-invalid', { op: 'listen', object: path, detail, remedy: 'use a shorter path' });
  }
  await mkdir(dirname(path), { recursive: true });
  if (!(await existsAsSocket(path))) return;
  if (await answers(path)) {
    throw new BerthError('state-locked', {
      op: 'listen',
      object: path,
      detail: 'another process serves this socket',
      remedy: 'stop it, or use another --socket',
    });
  }
  await unlink(path);
}

/** Only root, and who root lets into its group, may speak to berthd: CRI is as powerful as root. */
export async function restrictSocket(path: string): Promise<void> {
  await chmod(path, 0o660);
}

async function existsAsSocket(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isSocket()) return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const detail = 'there is something that is no socket';
  throw new BerthError('config-invalid', { op: 'listen', object: path, detail, remedy: 'move it away' });
}

async function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (errnoOf(error) === 'ECONNREFUSED' || errnoOf(error) === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
