import { isBerthError } from '../base';
import { parseHookFile, type HookFile } from '../spec';
import { FolderFiles, type FolderFile } from './folder-files';

/** The OCI hooks that are on this node now. */
export type HookFolders = () => Promise<readonly HookFile[]>;

/**
 * Reads the hooks of folders (hooks.d, schema 1.0.0): a file of a later folder replaces one of the same name, all run in the
 * order of their names. Rejects `hook-invalid` for a broken file: what it was to guard would start unguarded.
 */
export function hookFolders(folders: () => readonly string[]): HookFolders {
  const files = new FolderFiles<HookFile>({
    extensions: ['.json'],
    parse: parseHookFile,
    invalid: 'hook-invalid',
    op: 'read the OCI hooks',
  });
  return async () => {
    const byName = new Map<string, FolderFile<HookFile>>();
    for (const file of await files.read(folders())) byName.set(file.name, file);
    return [...byName.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ content }) => {
        if (isBerthError(content)) throw content;
        return content;
      });
  };
}
