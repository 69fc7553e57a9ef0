/** A DNS label, as Kubernetes has its namespaces: it goes into paths. */
export function isNamespace(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
