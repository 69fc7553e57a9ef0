import { BerthError } from '../../base';

/** Files of one artifact. A file system's folder and a record of all names have to hold them. */
const fileLimit = 10_000;
/** Bytes of one name with its folders: room is left for the folder that the artifact is mounted on (PATH_MAX is 4096). */
const pathLimit = 1024;
/** Bytes between two slashes (NAME_MAX of Linux's file systems). */
const componentLimit = 255;

/**
 * Checks the names that an artifact gives its files: plain relative paths that no two files share and that do not need
 * a file to be a folder. They are a stranger's words and become paths here. Rejects `manifest-invalid`.
 */
export function checkFileNames(names: readonly string[], object: string): void {
  const refuse = (name: string, why: string): never => {
    const detail = `${JSON.stringify(name.slice(0, 200))} cannot be the name of a file: ${why}`;
    throw new BerthError('manifest-invalid', { op: 'read artifact', object, detail });
  };
  if (names.length > fileLimit) {
    const detail = `${names.length} files are more than ${fileLimit}`;
    throw new BerthError('manifest-invalid', { op: 'read artifact', object, detail });
  }
  const files = new Set<string>();
  for (const name of names) {
    const why = faultOf(name);
    if (why !== undefined) refuse(name, why);
    if (files.has(name)) refuse(name, 'it is the name of two');
    files.add(name);
  }
  for (const name of files) {
    const inside = foldersOf(name).find((folder) => files.has(folder));
    if (inside !== undefined) refuse(name, `${JSON.stringify(inside.slice(0, 200))} is a file`);
  }
}

/** The folders that a name lies in, outermost first: `a`, `a/b` of `a/b/c`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

function faultOf(name: string): string | undefined {
  const bytes = Buffer.from(name);
  if (bytes.length === 0) return 'it is empty';
  if (bytes.length > pathLimit) return `it is longer than ${pathLimit} bytes`;
  // Half a surrogate pair would become another character, and two names one.
  if (bytes.toString() !== name) return 'it is not Unicode';
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it has a control character';
  if (name.startsWith('/')) return 'it is absolute';
  for (const part of name.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it has a part ${part}`;
    if (part.startsWith('.wh.')) return '.wh. marks what a layer deletes';
    if (Buffer.byteLength(part) > componentLimit) return `it has a part of more than ${componentLimit} bytes`;
  }
  return undefined;
}
