/** Names are looked up anew after so many milliseconds: a number may be another device's by then. */
const keptMs = 10_000;

/** Remembers the names of devices from one container to the next. */
export class DeviceNames {
  private readonly names = new Map<string, string>();
  private since = -Infinity;

  constructor(private readonly fileOf: (major: number, minor: number) => string | undefined) {}

  /** The device's file, or its numbers where it has none. */
  readonly of = (major: number, minor: number): string => {
    if (performance.now() - this.since > keptMs) {
      this.names.clear();
      this.since = performance.now();
    }
    const numbers = `${major}:${minor}`;
    let name = this.names.get(numbers);
    if (name === undefined) this.names.set(numbers, (name = this.fileOf(major, minor) ?? numbers));
    return name;
  };
}
