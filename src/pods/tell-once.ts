/** Failures that come again and again: each is told when it is new, and its end once. */
export class TellOnce {
  private readonly told = new Map<string, string>();

  /** Calls `say` unless this is what was told of the key last. */
  tell(key: string, message: string, say: (message: string) => void): void {
    if (this.told.get(key) === message) return;
    this.told.set(key, message);
    say(message);
  }

  /** The failure is over, or of no interest any more; whether one was told. */
  over(key: string): boolean {
    return this.told.delete(key);
  }
}
