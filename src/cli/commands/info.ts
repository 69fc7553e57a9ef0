import { type Define, addJsonOption, globalOptions } from '../command';
import { Daemon } from '../daemon';
import { write } from '../io';
import { json } from '../output/json';
import { facts } from '../output/table';
import { age, isoTime, size } from '../output/units';

/** berth info */
export const define: Define = (command, { io }) => {
  addJsonOption(command)
    .description('Shows which daemon answers, what it holds, and whether it and the pod network are ready.')
    .action(async () => {
      const options = globalOptions(command, io);
      using daemon = new Daemon(options);
      const info = await daemon.info();
      // While it recovers, the daemon answers nothing but info.
      const status = info.ready ? await daemon.status() : undefined;
      const conditions = status?.status?.conditions ?? [];
      const imageBytes = info.ready ? sum(await daemon.imageFileSystems()) : 0n;
      if (options.json) {
        await write(io.stdout, json({ ...info, startedAt: isoTime(info.startedAt), imageBytes, conditions }));
        return;
      }
      await write(
        io.stdout,
        facts([
          ['daemon', `berthd ${info.version}, pid ${info.pid}, up ${age(info.startedAt, Date.now())}`],
          ['state', info.ready ? 'ready' : 'starting: it still recovers what it found'],
          ...conditions.map(({ type, status, reason, message }) => {
            return [type, status ? 'yes' : `no: ${reason}: ${message}`] as const;
          }),
          ['socket', info.socket],
          ['root', info.root],
          ['run root', info.runRoot],
          ['runtime', `${info.runtimePath} ${info.runtimeVersion}`],
          ['cgroup', info.cgroup],
          ['pods', String(info.pods)],
          ['containers', String(info.containers)],
          ['images', info.ready ? `${info.images}, ${size(imageBytes)}` : String(info.images)],
        ]),
      );
    });
};

function sum(fileSystems: readonly { usedBytes: { value: bigint } | undefined }[]): bigint {
  return fileSystems.reduce((total, { usedBytes }) => total + (usedBytes?.value ?? 0n), 0n);
}
