import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError } from '../base';

/** What part of a file system is left for records, logs and containers, and how many bytes of it at most. */
const reserveShare = 100n;
const reserveMost = 1n << 30n;

/** What is to be fetched, as far as its need for space is known beforehand: a layer's compressed bytes, an artifact's file. */
interface Missing {
  readonly size: bigint;
}

/** Space that is spoken for. It shrinks as the bytes come to lie on the disk, where the file system counts them. */
export interface Reservation extends Disposable {
  /** So many bytes have come, and been unpacked if they are a layer's. */
  used(bytes: number): void;
}

/**
 * Keeps pulls from being begun that cannot end: asked for is what a layer takes at least, its compressed bytes as they
 * are kept and as many again unpacked (no archive unpacks to less, but by holes); what an artifact takes exactly. A guess at more would refuse images
 * that fit; what runs out in the middle all the same is undone.
 */
export class Space {
  private promised = 0n;

  constructor(private readonly dir: string) {}

  /**
   * Speaks for the space of these, each by itself; `copies` is how often their bytes come to lie on the disk. Throws
   * `storage-full` if all of it is not there.
   */
  async reserve(layers: readonly Missing[], copies: 1n | 2n): Promise<readonly Reservation[]> {
    const { bavail, blocks, bsize } = await fs.statfs(this.dir, { bigint: true });
    const free = bavail * bsize;
    const share = (blocks * bsize) / reserveShare;
    const reserve = share < reserveMost ? share : reserveMost;
    const needed = layers.reduce((sum, { size }) => sum + copies * size, 0n);
    if (needed > 0n && needed + this.promised + reserve > free) throw await this.full(layers, needed, free, reserve);
    return layers.map(({ size }) => this.hold(size, copies));
  }

  private hold(size: bigint, copies: bigint): Reservation {
    let held = copies * size;
    this.promised += held;
    const shrink = (bytes: bigint) => {
      const less = bytes < held ? bytes : held;
      held -= less;
      this.promised -= less;
    };
    return { used: (bytes) => shrink(copies * BigInt(bytes)), [Symbol.dispose]: () => shrink(held) };
  }

  private async full(layers: readonly Missing[], needed: bigint, free: bigint, reserve: bigint): Promise<BerthError> {
    const others = this.promised > 0n ? `, other pulls under way need ${mib(this.promised)} of that` : '';
    const where = await mountPointOf(this.dir);
    return new BerthError('storage-full', {
      op: 'add layers',
      object: `the file system of ${where}`,
      detail:
        `${layers.length} layers need at least ${mib(needed)}; ${mib(free)} are free${others}, ` +
        `and ${mib(reserve)} are kept back`,
      remedy: `free space on ${where}: remove images that nothing uses (\`berth rmi\`), or enlarge it`,
    });
  }
}

const mib = (bytes: bigint): string => `${(Number(bytes) / 2 ** 20).toFixed(1)} MiB`;

/** The folder on which the file system of this one is mounted. */
async function mountPointOf(dir: string): Promise<string> {
  const parent = path.dirname(dir);
  const [own, above] = await Promise.all([fs.stat(dir), fs.stat(parent)]);
  return parent === dir || own.dev !== above.dev ? dir : mountPointOf(parent);
}
