/** Where requests and answers carry what the call is about, and what the log calls it. Nothing else is ever logged. */
const fields: readonly { readonly key: string; readonly path: readonly string[] }[] = [
  { key: 'pod', path: ['podSandboxId'] },
  { key: 'container', path: ['containerId'] },
  { key: 'image', path: ['image', 'image'] },
  { key: 'imageRef', path: ['imageRef'] },
  { key: 'namespace', path: ['config', 'metadata', 'namespace'] },
  { key: 'name', path: ['config', 'metadata', 'name'] },
];

/** A name can be as long as a request may be; a line of the log should not. */
const longest = 512;

/** The ids and names in a message, for the log. */
export function idsOf(message: object): Record<string, string> {
  const ids: Record<string, string> = {};
  for (const { key, path } of fields) {
    const value = path.reduce<unknown>(member, message);
    if (typeof value === 'string' && value !== '') ids[key] = value.slice(0, longest);
  }
  return ids;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}
