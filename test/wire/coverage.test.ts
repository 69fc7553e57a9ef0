import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { descriptorSchema } from './descriptors';

const repository = join(__dirname, '../..');
const packagePrefix = '.runtime.v1.';

/** `message field` of everything that a request of either service can hold. */
function requestFields(set: z.output<typeof descriptorSchema>): readonly string[] {
  const files = set.file.filter((file) => file.package === 'runtime.v1');
  const messages = new Map(files.flatMap((file) => file.messageType).map((message) => [message.name, message]));
  const inputs = files
    .flatMap((file) => file.service)
    .flatMap((service) => service.method.map(({ inputType }) => inputType));
  const reached = new Set(inputs.map((name) => name.replace(packagePrefix, '')));
  // A set is walked in the order of its entries, those that are added meanwhile included.
  for (const name of reached) {
    for (const { typeName } of messages.get(name)?.field ?? []) {
      const held = typeName?.replace(packagePrefix, '') ?? '';
      if (messages.has(held)) reached.add(held);
    }
  }
  return [...reached].flatMap((name) => (messages.get(name)?.field ?? []).map((field) => `${name} ${field.name}`));
}

describe('docs/cri-coverage.md', () => {
  const text = readFileSync(join(repository, 'docs/cri-coverage.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (\w+) \| `(\w+)` \| ([^|]+) \| (\S+) › ([^|]+) \|$/gm)].map(
    ([, message = '', field = '', state = '', file = '', title = '']) => ({ message, field, state, file, title }),
  );

  test('has every field of every request once, and no other', () => {
    const buf = join(repository, 'node_modules/.bin/buf');
    const json: unknown = JSON.parse(
      execFileSync(buf, ['build', 'proto', '-o', '-#format=json'], { cwd: repository, maxBuffer: 1 << 26 }).toString(),
    );
    const listed = rows.map(({ message, field }) => `${message} ${field}`);
    expect(listed.sort()).toEqual([...requestFields(descriptorSchema.parse(json))].sort());
    expect(listed.length).toBeGreaterThan(200);
  });

  test('says of each field that it is honoured, refused or ignored, or planned and for which issue', () => {
    const form = /^(honoured|refused .+|ignored: .+|not looked at: .+|planned \(issue \d+\): .+)$/;
    expect(rows.filter(({ state }) => !form.test(state))).toEqual([]);
  });

  test('names tests that there are', () => {
    const missing = rows.filter(({ file, title }) => {
      const path = join(repository, file);
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(title);
    });
    expect(missing).toEqual([]);
  });
});
