/** The `info` of a verbose answer: one entry of JSON, as the peers have it and crictl prints it. */
export function verboseInfo(key: string, value: object): Record<string, string> {
  return { [key]: JSON.stringify(value, plain) };
}

/** JSON has no bigint: as a number where that is exact, as text otherwise. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
