import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BerthError, catalog, errnoOf, isBerthError, messageOf } from '../../src/base';

test('the message names operation, object, what happened and what to do', () => {
  const error = new BerthError('image-not-found', {
    op: 'CreateContainer',
    object: 'image web:1',
    detail: 'it is not on this node',
  });
  expect(error.message).toBe('CreateContainer: image web:1: it is not on this node (pull it, or check the name)');
  expect(error.status).toBe('NOT_FOUND');
});

test('a remedy of the place wins over the catalog, and the cause is kept', () => {
  const cause = new Error('ENOENT');
  const error = new BerthError('internal', { op: 'read', detail: 'failed', remedy: 'look again', cause });
  expect(error.message).toBe('read: failed (look again)');
  expect(error.cause).toBe(cause);
});

test('codes tell errors apart', () => {
  const error = new BerthError('pod-not-found', { op: 'x', detail: 'y' });
  expect(isBerthError(error)).toBe(true);
  expect(isBerthError(error, 'pod-not-found')).toBe(true);
  expect(isBerthError(error, 'internal')).toBe(false);
  expect(isBerthError(new Error('x'))).toBe(false);
});

test('errno and words of whatever is thrown', () => {
  expect(errnoOf(Object.assign(new Error('x'), { code: 'EACCES' }))).toBe('EACCES');
  expect(errnoOf({ code: 7 })).toBeUndefined();
  expect(messageOf('plain')).toBe('plain');
  expect(messageOf(new Error('words'))).toBe('words');
});

test('docs/errors.md lists every code with its status, and no other', () => {
  const text = readFileSync(join(__dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| ([A-Z_]+) \|/gm)];
  const documented = Object.fromEntries(rows.map(([, code = '', status = '']) => [code, status]));
  expect(documented).toEqual(Object.fromEntries(Object.entries(catalog).map(([code, { status }]) => [code, status])));
});
