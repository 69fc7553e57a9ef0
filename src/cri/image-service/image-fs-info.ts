import { ImageServiceService, type FilesystemUsage } from '../../wire';
import type { CriParts, FsUsage } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ImageFsInfo: the kubelet's eviction and image garbage collection go by it. */
export const imageFsInfo = (parts: CriParts): Rpc =>
  unary(ImageServiceService.imageFsInfo, { kind: 'read' }, async () => {
    const { images, containers } = parts.imageFs();
    return { imageFilesystems: images.map(toUsage), containerFilesystems: containers.map(toUsage) };
  });

function toUsage(usage: FsUsage): FilesystemUsage {
  return {
    timestamp: usage.timestamp,
    fsId: { mountpoint: usage.mountpoint },
    usedBytes: { value: usage.usedBytes },
    inodesUsed: { value: usage.inodesUsed },
  };
}
