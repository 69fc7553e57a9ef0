export type Negotiation<Offer> =
  | { readonly kind: 'chosen'; readonly protocol: string; readonly offer: Offer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'none'; readonly asked: readonly string[] };

/**
 * Picks the first protocol of the client's preference that is offered. The header is X-Stream-Protocol-Version,
 * repeated or comma-joined, as Node gives it.
 */
export function negotiate<Offer>(
  header: string | readonly string[] | undefined,
  offers: ReadonlyMap<string, Offer>,
): Negotiation<Offer> {
  const asked = [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (asked.length === 0) return { kind: 'missing' };
  for (const protocol of asked) {
    const offer = offers.get(protocol);
    if (offer !== undefined) return { kind: 'chosen', protocol, offer };
  }
  return { kind: 'none', asked };
}
