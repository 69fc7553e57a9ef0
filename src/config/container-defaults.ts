import { z } from 'zod';

/** What a container gets that asks for no capabilities; CRI-O's list. */
export const usualCapabilities: readonly string[] =
  'chown dac_override fsetid fowner setgid setuid setpcap net_bind_service kill'.split(' ');

export const capability = z.string().regex(/^[A-Za-z_]+$/, 'must be the name of a capability, with or without CAP_');

/** `KEY=value`. */
export const variable = z.string().regex(/^[^=\0]+=[^\0]*$/, 'must be KEY=value');

const ulimitNames = 'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack';

/** A resource limit of setrlimit(2), as docker writes it: `nofile=1024:4096`, soft and hard; one number is both. */
export const ulimit = z
  .string()
  .regex(/^[a-z]+=[0-9]{1,15}(:[0-9]{1,15})?$/, 'must be <name>=<soft>[:<hard>], with numbers')
  .transform((text) => {
    const [name = '', limits = ''] = text.split('=');
    const [soft = 0, hard = soft] = limits.split(':').map(Number);
    return { name, soft, hard };
  })
  .refine(({ name }) => ulimitNames.split(' ').includes(name), `must be a limit of Linux: ${ulimitNames}`)
  .refine(({ soft, hard }) => soft <= hard, 'must have a soft limit that is not above the hard one');

/** A node of the host, as docker writes it: `/dev/fuse`, `/dev/fuse:/dev/fuse:rwm`. */
export const device = z
  .string()
  .regex(/^\/[^:]*(:\/[^:]*)?(:[rwm]{1,3})?$/, 'must be <path>[:<path in the container>][:<rwm>]')
  .transform((text) => {
    const [hostPath = '', ...rest] = text.split(':');
    return {
      hostPath,
      containerPath: rest.find((part) => part.startsWith('/')) ?? hostPath,
      permissions: rest.find((part) => !part.startsWith('/')) ?? 'rwm',
    };
  });

/** Empty: the image's own. `local`: the node's. Else a name of the zone database, as `Europe/Berlin`. */
export const timezone = z
  .string()
  .regex(/^([A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*)?$/, 'must be empty, "local" or a time zone such as "Europe/Berlin"');
