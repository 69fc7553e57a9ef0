import { z } from 'zod';
import { BerthError, type ErrorCode } from '../../base';
import { firstBytes, readBody } from './body';
import { printable } from './endpoint';
import type { HttpResponse } from './http';

const errorLimit = 1024 * 1024;
const textLimit = 300;

const errorBody = z.object({
  errors: z.array(z.object({ code: z.string().default(''), message: z.string().default('') })).min(1),
});

/**
 * The error for an answer that is not the wanted one, with the registry's own words (distribution spec, "Error
 * Codes"). `missing` is the code for what is not there.
 */
export async function statusError(response: HttpResponse, missing: ErrorCode): Promise<BerthError> {
  const bytes = await readBody(response, errorLimit);
  const said = parseErrors(bytes);
  const words = said?.map(({ code, message }) => [code, message].filter((part) => part !== '').join(': ')).join('; ');
  const retryAfter = response.headers['retry-after'];
  const detail = [
    `status ${response.status}`,
    ...(words === undefined ? (bytes.length > 0 ? [`it says ${firstBytes(bytes)}`] : []) : [clean(words)]),
    ...(response.status === 429 && typeof retryAfter === 'string'
      ? [`to be asked again after ${clean(retryAfter)}`]
      : []),
  ].join(': ');
  return new BerthError(codeOf(response, bytes, said, missing), {
    op: 'ask registry',
    object: `${response.method} ${printable(response.url)}`,
    detail,
  });
}

function codeOf(
  { status, headers }: HttpResponse,
  bytes: Buffer,
  said: z.output<typeof errorBody>['errors'] | undefined,
  missing: ErrorCode,
): ErrorCode {
  if (status === 401 || status === 403) return 'registry-denied';
  if (status === 429) return 'registry-throttled';
  if (status >= 500 || status === 408) return 'registry-unreachable';
  const codes = ['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'BLOB_UNKNOWN'];
  if (said?.some(({ code, message }) => codes.includes(code) || (code === 'UNKNOWN' && /not found/i.test(message)))) {
    return missing;
  }
  // A web server that is no registry answers 404 with a page.
  const page =
    /html/i.test(headers['content-type'] ?? '') || bytes.toString('latin1', 0, 64).trimStart().startsWith('<');
  return status === 404 && !page ? missing : 'registry-protocol';
}

function parseErrors(bytes: Buffer): z.output<typeof errorBody>['errors'] | undefined {
  try {
    return errorBody.safeParse(JSON.parse(bytes.toString('utf8'))).data?.errors;
  } catch {
    // Not JSON: the caller shows its first bytes.
    return undefined;
  }
}

// A registry's words are shown, so control characters and length are not its choice.
function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, textLimit);
}
