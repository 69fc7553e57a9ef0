const ageUnits: readonly [string, number][] = [
  ['y', 365 * 86_400],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

/** How long ago a time was, in nanoseconds since the epoch, in its largest unit: `3m`, `2h`, `5d`. `-` for none. */
export function age(nanoseconds: bigint, nowMs: number): string {
  if (nanoseconds <= 0n) return '-';
  const seconds = Math.max(0, Math.floor((nowMs - Number(nanoseconds / 1_000_000n)) / 1000));
  const [unit, length] = ageUnits.find(([, unitSeconds]) => seconds >= unitSeconds) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${unit}`;
}

/** Nanoseconds since the epoch as RFC 3339 in milliseconds, or undefined for none. */
export function isoTime(nanoseconds: bigint): string | undefined {
  return nanoseconds <= 0n ? undefined : new Date(Number(nanoseconds / 1_000_000n)).toISOString();
}

/** Bytes as people read them, with three digits at most and decimal units: `512B`, `4.2MB`, `316MB`. */
export function size(bytes: bigint): string {
  let value = Number(bytes);
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    // 999.5 would be printed as 1000.
    if (value < 999.5) return `${unit === 'B' || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)}${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)}TB`;
}

/** A number of processors: `0.03`, `1.50`, `12.0`; `-` if it is not known. */
export function cores(value: number | undefined): string {
  if (value === undefined) return '-';
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** The part of an image id that people read: 12 digits, without the algorithm. */
export function shortImageId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
