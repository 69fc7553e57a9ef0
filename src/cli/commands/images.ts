import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { write } from '../io';
import { json } from '../output/json';
import { table } from '../output/table';
import { shortImageId, size } from '../output/units';

interface ImageRow {
  readonly name: string;
  readonly id: string;
  readonly bytes: bigint;
}

/** berth images */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description('Lists images, one line for each name.')
    .action(async () => {
      const options = globalOptions(command, io);
      using daemon = new Daemon(options);
      const images = await daemon.imageList();
      if (options.json) {
        const rows = images.map(({ id, repoTags, repoDigests, size: bytes }) => ({
          id,
          tags: repoTags,
          digests: repoDigests,
          bytes,
        }));
        await write(io.stdout, json(rows));
        return;
      }
      const rows = images.flatMap(({ id, repoTags, repoDigests, size: bytes }): ImageRow[] => {
        const names = repoTags.length > 0 ? repoTags : repoDigests.map(withoutTag).slice(0, 1);
        return (names.length > 0 ? names : ['<none>']).map((name) => ({ name, id, bytes }));
      });
      rows.sort((a, b) => a.name.localeCompare(b.name));
      await write(io.stdout, table(columns, rows));
    });
};

const columns = [
  { title: 'IMAGE', text: ({ name }: ImageRow) => name },
  { title: 'IMAGE ID', text: ({ id }: ImageRow) => shortImageId(id) },
  { title: 'SIZE', text: ({ bytes }: ImageRow) => size(bytes), right: true },
];

/** An image pulled by digest: its repository, with `<none>` where the tag would be. */
function withoutTag(digest: string): string {
  return `${digest.split('@', 1).join('')}:<none>`;
}
