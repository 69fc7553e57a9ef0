import { z } from 'zod';
import type { Facts } from './fixture';

/** The parts of a FileDescriptorSet, in protobuf's JSON form, that a contract consists of. */
const enumSchema = z.object({
  name: z.string(),
  value: z.array(z.object({ name: z.string(), number: z.number().default(0) })),
});
const fieldSchema = z.object({
  name: z.string(),
  number: z.number(),
  label: z.string(),
  type: z.string(),
  typeName: z.string().optional(),
  options: z.object({ deprecated: z.boolean().default(false) }).optional(),
});
const entrySchema = z.object({ name: z.string(), options: z.object({ mapEntry: z.literal(true) }) });
const messageSchema = z.object({
  name: z.string(),
  field: z.array(fieldSchema).default([]),
  nestedType: z.array(entrySchema).default([]),
  enumType: z.array(enumSchema).default([]),
});
const methodSchema = z.object({
  name: z.string(),
  inputType: z.string(),
  outputType: z.string(),
  clientStreaming: z.literal(false).optional(),
  serverStreaming: z.boolean().default(false),
});
export const descriptorSchema = z.object({
  file: z.array(
    z.object({
      name: z.string(),
      package: z.string(),
      syntax: z.literal('proto3'),
      messageType: z.array(messageSchema).default([]),
      enumType: z.array(enumSchema).default([]),
      service: z.array(z.object({ name: z.string(), method: z.array(methodSchema) })).default([]),
    }),
  ),
});

/** The facts of a package, in the words of the fixture. */
export function descriptorFacts(set: z.output<typeof descriptorSchema>, packageName: string): Facts {
  const short = (name = '') => name.replace(`.${packageName}.`, '');
  const enums = (prefix: string, list: z.output<typeof enumSchema>[]) =>
    list.flatMap(({ name, value }) => value.map((each) => `enum ${prefix}${name} ${each.name}=${each.number}`));
  const files = set.file.filter((file) => file.package === packageName);
  return new Set(
    files.flatMap((file) => [
      ...enums('', file.enumType),
      ...file.service.flatMap((service) => [
        `service ${service.name}`,
        ...service.method.map(
          (method) =>
            `service ${service.name} ${method.name}: ${short(method.inputType)} -> ` +
            `${method.serverStreaming ? 'stream ' : ''}${short(method.outputType)}`,
        ),
      ]),
      ...file.messageType.flatMap((message) => [
        `message ${message.name}`,
        ...enums(`${message.name}.`, message.enumType),
        ...message.field.map((field) => `message ${message.name} ${fieldFact(field, message, short)}`),
      ]),
    ]),
  );
}

function fieldFact(
  field: z.output<typeof fieldSchema>,
  message: z.output<typeof messageSchema>,
  short: (name?: string) => string,
): string {
  const scalar = field.type.replace('TYPE_', '').toLowerCase();
  // Types of its own are named without the message's name, as the fixture and proto/ do.
  const type = field.typeName === undefined ? scalar : short(field.typeName).replace(`${message.name}.`, '');
  const isMap = message.nestedType.some((entry) => type === entry.name);
  const repeated = field.label === 'LABEL_REPEATED' && !isMap ? 'repeated ' : '';
  const deprecated = field.options?.deprecated ? ' deprecated' : '';
  // Every map of CRI is one of texts; contract.test.ts asserts that of the entries.
  return `${field.number} ${field.name} ${repeated}${isMap ? 'map<string,string>' : type}${deprecated}`;
}
