/** The versions of the remote command protocol that are served over SPDY, newest first. */
export const commandProtocols = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;

export type CommandProtocol = (typeof commandProtocols)[number];

/** Whether a terminal's sizes have a stream of their own: from version 3 on. */
export function hasResize(protocol: CommandProtocol): boolean {
  return protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io';
}
