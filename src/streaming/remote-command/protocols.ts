/** The versions of the remote command protocol, newest first. What they are called on the wire depends on the transport. */
export type CommandVersion = 'v5' | 'v4' | 'v3' | 'v2' | 'v1';

/** Over SPDY. Version 5 is that of WebSockets, which have no half-close of their own. */
export const spdyProtocols: ReadonlyMap<string, CommandVersion> = new Map([
  ['v4.channel.k8s.io', 'v4'],
  ['v3.channel.k8s.io', 'v3'],
  ['v2.channel.k8s.io', 'v2'],
  ['channel.k8s.io', 'v1'],
]);

/** Whether a terminal's sizes have a stream of their own. */
export function hasResize(version: CommandVersion): boolean {
  return version !== 'v1' && version !== 'v2';
}

/** Whether the end is told by a JSON Status, and by one for success too. */
export function hasStatus(version: CommandVersion): boolean {
  return version === 'v5' || version === 'v4';
}
