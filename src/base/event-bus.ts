/** A record as it was and as it is; absent before it was made, and once it is gone. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** A typed publisher: listeners are called in order, at once; one that throws is the publisher's bug and surfaces there. */
export class EventBus<Event> {
  private readonly listeners = new Set<(event: Event) => void>();

  /** How many listen. */
  get size(): number {
    return this.listeners.size;
  }

  /** Calls the listener for every event from now on; dispose of what it gives to end that. */
  subscribe(listener: (event: Event) => void): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  publish(event: Event): void {
    for (const listener of this.listeners) listener(event);
  }
}
