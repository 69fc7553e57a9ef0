import { messageOf } from '../../base';
import { badField } from './required';

/**
 * Reads a request from its bytes. A NUL is refused in whatever text it is: no path, argument or name of the kernel can hold
 * one, and what is cut off at it would be another path, argument or name.
 * @throws `argument-invalid`, naming the field if it is one.
 */
export function readRequest<Request extends object>(
  op: string,
  decode: (bytes: Buffer) => Request,
  bytes: Buffer,
): Request {
  let request: Request;
  try {
    request = decode(bytes);
  } catch (error) {
    throw badField(op, 'request', `its bytes are no such message of protobuf: ${messageOf(error)}`);
  }
  const field = withNul(request, '');
  if (field !== undefined) throw badField(op, field, 'has a NUL byte');
  return request;
}

/** The path of a text with a NUL, as proto/ names fields. Bytes may hold any. */
function withNul(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path : undefined;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  for (const [key, held] of Object.entries(value)) {
    if (key.includes('\0')) return `${path}[${JSON.stringify(key.slice(0, 100))}]`;
    const found = withNul(held, Array.isArray(value) ? `${path}[${key}]` : `${path && `${path}.`}${protoName(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names that generated code takes over as they are, or makes more of than one capital a word. */
const ownNames: Readonly<Record<string, string>> = {
  CDIDevices: 'CDI_devices',
  uidMappings: 'uidMappings',
  gidMappings: 'gidMappings',
};

function protoName(key: string): string {
  return ownNames[key] ?? key.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}
