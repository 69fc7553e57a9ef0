/** The versions of the remote command protocol that are served, newest first. */
export const execProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

export type ExecProtocol = (typeof execProtocols)[number];

export type Negotiation =
  | { readonly kind: 'chosen'; readonly protocol: ExecProtocol }
  | { readonly kind: 'missing' }
  | { readonly kind: 'none'; readonly offered: readonly string[] };

/**
 * Picks the first protocol of the client's preference that is served. The header is X-Stream-Protocol-Version,
 * repeated or comma-joined, as Node gives it.
 */
export function negotiate(header: string | readonly string[] | undefined): Negotiation {
  const offered = [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (offered.length === 0) return { kind: 'missing' };
  for (const name of offered) {
    const protocol = execProtocols.find((served) => served === name);
    if (protocol) return { kind: 'chosen', protocol };
  }
  return { kind: 'none', offered };
}
