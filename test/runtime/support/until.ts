import { slow } from '../../slow.cjs';

/** Waits for something that nobody tells: another process's file, the kernel's own time. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000 * slow; !(await condition());) {
    if (Date.now() > end) throw new Error(`it did not happen within ${15 * slow} s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
