import type { z } from 'zod';

/** The first thing that a schema found wrong, with its key as a person would write it: `registry[0].mirror[1].insecure`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'it does not fit the schema';
  if (issue.code === 'unrecognized_keys') {
    return `${keyOf([...issue.path, ...issue.keys.slice(0, 1)])}: unknown key`;
  }
  const key = keyOf(issue.path);
  return key === '' ? issue.message : `${key}: ${issue.message}`;
}

function keyOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
