import type { LayerRecord } from '../state';
import type { DiskUsage } from './storage';

/** Space that images use: kept as layers and blobs come and go, so that a read costs nothing. */
export class UsageCount {
  private readonly blobs = new Map<string, bigint>();
  private readonly layers = new Map<string, LayerRecord>();
  private bytes = 0n;
  private inodes = 0n;

  addBlob(name: string, size: bigint): void {
    this.removeBlob(name);
    this.blobs.set(name, size);
    this.bytes += size;
    this.inodes += 1n;
  }

  hasBlob(name: string): boolean {
    return this.blobs.has(name);
  }

  removeBlob(name: string): void {
    const size = this.blobs.get(name);
    if (size === undefined) return;
    this.blobs.delete(name);
    this.bytes -= size;
    this.inodes -= 1n;
  }

  addLayer(record: LayerRecord): void {
    this.removeLayer(record.chainId);
    this.layers.set(record.chainId, record);
    this.bytes += record.unpackedBytes;
    this.inodes += record.inodes;
  }

  removeLayer(chainId: string): void {
    const record = this.layers.get(chainId);
    if (!record) return;
    this.layers.delete(chainId);
    this.bytes -= record.unpackedBytes;
    this.inodes -= record.inodes;
  }

  read(): DiskUsage {
    return { bytes: this.bytes, inodes: this.inodes };
  }
}
