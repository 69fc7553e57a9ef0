/** A digest as it goes into paths and URLs: checked before either (image spec, descriptor.md; sha256 is what registries serve). */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
