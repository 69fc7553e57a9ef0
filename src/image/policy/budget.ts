import { BerthError } from '../../base';
import { signatureCount } from './signature';

/** All signatures of one document together. Bytes. */
const totalLimit = 16 * 1024 * 1024;

/** How much is read of what a server offers as signatures of one document: it may offer without end. */
export class SignatureBudget {
  private count = 0;
  private bytes = 0;

  constructor(private readonly object: string) {}

  /** Takes one more. Throws `registry-protocol` if that is too much. */
  take(bytes: number): void {
    this.bytes += bytes;
    if (++this.count > signatureCount) throw this.tooMuch(`there are more than ${signatureCount}`);
    if (this.bytes > totalLimit) throw this.tooMuch(`they are more than ${totalLimit} bytes`);
  }

  private tooMuch(detail: string): BerthError {
    return new BerthError('registry-protocol', { op: 'read signatures', object: this.object, detail });
  }
}
