import { z } from 'zod';
import { capability, device, timezone, ulimit, usualCapabilities, variable } from './container-defaults';
import { logSchema } from './log';

const absolutePath = z.string().regex(/^\//, 'must be an absolute path');

/** An address and a port; of IPv6 in brackets, as in URLs. */
const hostAndPort = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'must be an address and a port, 127.0.0.1:9190 or [::1]:9190')
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65535, 'must have a port up to 65535');

const layerLimit = z.number().int().min(1).optional();

/** Names of images as `berth images` shows them: whole, the beginning (`x*`), or a part (`*x*`). None means all. */
const pinnedImage = z
  .string()
  .regex(
    /^(?:[^*\s]+\*?|\*[^*\s]+\*)$/,
    'must be a name, the beginning of one with a * after it, or a part between two *',
  );

const annotation = z
  .string()
  .regex(/^[^*\s]+\*?$/, 'must be the name of an annotation, or the beginning of one with a * after it');

/** An OCI runtime that pods ask for by name (CRI's runtime_handler). */
const runtime = z.strictObject({
  /** Absolute path, or a name looked up in PATH. */
  path: z.string().min(1),
  /** The runtime's own state folder. Empty: <run_root>/runtime/<handler>. */
  root: z.union([z.literal(''), absolutePath]).default(''),
  /** Options that go before every subcommand of the runtime. */
  options: z.array(z.string().min(1)).max(16).default([]),
  /** Annotations of pods and containers that the runtime gets to see: names, or the beginning of some (`x*`). */
  allowed_annotations: z.array(annotation).default([]),
});

/** What is found in PATH, unless the configuration says otherwise; a program that is not there is a handler that is not. */
const builtInHandlers = { runc: runtime.parse({ path: 'runc' }), crun: runtime.parse({ path: 'crun' }) };

/** A limit below it, a typing error as a rule, would have every few lines rotated: CRI-O's bound. */
const smallestLog = 8192;

const podMetricFamily = z.enum([
  'cpu',
  'memory',
  'disk',
  'diskIO',
  'hugetlb',
  'network',
  'oom',
  'process',
  'spec',
  'pressure',
]);

/** The whole of berth.toml. Every key has a default; unknown keys are errors, so that a typing error is never silent. */
export const configSchema = z.strictObject({
  root: absolutePath.default('/var/lib/berth'),
  run_root: absolutePath.default('/run/berth'),
  /** Where CRI is served: a path, or the same with unix:// before it. */
  socket: z
    .string()
    .transform((text) => text.replace(/^unix:\/\//, ''))
    .pipe(absolutePath)
    .default('/run/berth/berth.sock'),
  /** The folder of launcher, conmon, unpack and pause; empty: beside berthd. */
  libexec_dir: z.union([z.literal(''), absolutePath]).default(''),

  log: logSchema,

  runtime: z
    .strictObject({
      default_handler: z.string().min(1).default('runc'),
      /** By the names that RuntimeClasses have; runc and crun are always among them. */
      handlers: z
        .record(z.string().regex(/^[a-z0-9][a-z0-9._-]*$/), runtime)
        .prefault({})
        .transform((given) => ({ ...builtInHandlers, ...given })),
      /** Folders of OCI hooks (*.json); a file of a later one replaces one of the same name. */
      hooks_dirs: z.array(absolutePath).default(['/usr/share/containers/oci/hooks.d', '/etc/containers/oci/hooks.d']),
      /** Folders of CDI specs (*.json, *.yaml), by which vendors describe devices; a later one wins. */
      cdi_spec_dirs: z.array(absolutePath).default(['/etc/cdi', '/var/run/cdi']),
      /** CRIU, for checkpoints: an absolute path, or a name looked up in PATH. Needed only for them. */
      criu: z.string().min(1).default('criu'),
      /** What containers are restored from: nothing, archives of the node, or images too: whoever names such one is trusted as root. */
      restore_from: z.enum(['nothing', 'archives', 'images']).default('archives'),
      /** Who makes containers' cgroups: the OCI runtime, or systemd as scopes in slices. auto: systemd where it is init. */
      cgroup_driver: z.enum(['auto', 'cgroupfs', 'systemd']).default('auto'),
      /** Where pods go whose config names no cgroup parent: a path, with systemd a slice. Empty: berth-<hash of root>. */
      cgroup_parent: z
        .union([z.literal(''), absolutePath, z.string().regex(/^[^/]+\.slice$/, 'must be an absolute path or a slice')])
        .default(''),
      /** Processes and threads that each container may have; 0: as many as its pod. */
      pids_limit: z.number().int().min(0).max(4_194_304).default(0),
      /** Environment of every container, under its image's and its own. */
      default_env: z.array(variable).default([]),
      /** Capabilities of containers that ask for none. */
      default_capabilities: z.array(capability).default([...usualCapabilities]),
      /** Resource limits of every container; what is not here is as berthd has it. */
      default_ulimits: z.array(ulimit).default([]),
      /** Devices that every container gets. */
      additional_devices: z.array(device).default([]),
      /** What /etc/localtime says in containers. */
      timezone: timezone.default(''),
      /** Bytes from which a container's log is put aside as <log>.1 and begun anew; 0: only the kubelet rotates it. */
      log_size_max: z
        .number()
        .int()
        .refine((bytes) => bytes === 0 || bytes >= smallestLog, `must be 0 or at least ${smallestLog}`)
        .default(0),
      /** Sends every record of every container's log to journald too. */
      log_to_journald: z.boolean().default(false),
    })
    .prefault({}),

  network: z
    .strictObject({
      cni_conf_dir: absolutePath.default('/etc/cni/net.d'),
      cni_bin_dirs: z.array(absolutePath).min(1).default(['/opt/cni/bin', '/usr/lib/cni']),
      /** The network of pods, by its name. Empty: the one of the first file that is valid. */
      default_network: z.string().default(''),
    })
    .prefault({}),

  image: z
    .strictObject({
      /** Where images are, if not under `root`: blobs, unpacked layers, what is being pulled. */
      root: z.union([z.literal(''), absolutePath]).default(''),
      registries_conf: absolutePath.default('/etc/containers/registries.conf'),
      /**
       * Files with credentials, in docker's or podman's format; the first that knows the registry serves. None: the usual
       * places ($XDG_RUNTIME_DIR/containers/auth.json or /run/containers/<uid>/auth.json, ~/.config/containers/auth.json,
       * ~/.docker/config.json).
       */
      auth_files: z.array(absolutePath).default([]),
      /** Where a credential provider leaves `<namespace>-<sha256 of the repository>.json` for one pull. Empty: nowhere. */
      namespaced_auth_dir: z.union([z.literal(''), absolutePath]).default('/etc/berth/auth'),
      /** Folders of `<host[:port]>/` with CAs (*.crt) and client certificates (*.cert with *.key); the first that has the host. */
      certs_dirs: z.array(absolutePath).default(['/etc/containers/certs.d', '/etc/docker/certs.d']),
      /** Which signatures images need. Empty: /etc/containers/policy.json if there is one; a file that is named has to exist. */
      signature_policy: z.union([z.literal(''), absolutePath]).default(''),
      /** `<namespace>.json` in here holds for the pods of that namespace instead. */
      signature_policy_dir: absolutePath.default('/etc/berth/policies'),
      /** Where signatures are: *.yaml, as podman and CRI-O read them. */
      registries_d: absolutePath.default('/etc/containers/registries.d'),
      /** Seconds of waiting for a registry that sends next to nothing, until it is given up. 0: for ever. */
      pull_progress_timeout: z.number().int().min(0).max(86400).default(300),
      /** Images that the kubelet's garbage collection leaves alone. */
      pinned_images: z.array(pinnedImage).default([]),
      /** Images that are pulled at once. */
      pull_concurrency: z.number().int().min(1).max(64).default(10),
      /** Layers that are fetched and unpacked at once, over all pulls. */
      layer_concurrency: z.number().int().min(1).max(64).default(6),
      /** What one layer may use; what is not set here has unpack's own defaults (conmon/unpack/limits.c). */
      layer_limits: z
        .strictObject({
          /** Bytes of the uncompressed archive, and of its files together, holes included. */
          expanded_bytes: layerLimit,
          entries: layerLimit,
          /** Bytes of one entry's names, attributes and maps of holes. */
          header_bytes: layerLimit,
          /** Uncompressed bytes for each compressed one, once there is more than 1 GiB of them. */
          ratio: layerLimit,
          /** Processor time. */
          cpu_seconds: layerLimit,
        })
        .prefault({}),
    })
    .prefault({}),

  tracing: z
    .strictObject({
      /** Of a collector that takes OTLP over HTTP: `http://127.0.0.1:4318`. Empty: no traces are made. */
      endpoint: z
        .union([
          z.literal(''),
          z.string().regex(/^https?:\/\/[^/@?#\s]+(\/[^@?#\s]*)?$/, 'must be an URL without credentials'),
        ])
        .default(''),
      /** Of calls that are part of no trace; what a caller's own trace says counts before. */
      sampling_rate_per_million: z.number().int().min(0).max(1_000_000).default(0),
    })
    .prefault({}),

  streaming: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      /** 0 takes a free port. */
      port: z.number().int().min(0).max(65535).default(0),
      /** A certificate for the address in URLs, with those that sign it, and its key, in PEM. Empty: plain http. */
      tls_cert: z.union([z.literal(''), absolutePath]).default(''),
      tls_key: z.union([z.literal(''), absolutePath]).default(''),
      /** CAs of the certificates that clients then have to show. Empty: the URL is enough. */
      client_ca: z.union([z.literal(''), absolutePath]).default(''),
      /** Seconds in which nothing moves until a session is ended. 0: never. */
      idle_timeout: z
        .number()
        .int()
        .min(0)
        .max(2_000_000)
        .default(4 * 60 * 60),
      /** Seconds for a client to send its request, and then to open its streams. */
      creation_timeout: z.number().int().min(1).max(3600).default(30),
      /** Sessions at once, of all verbs. */
      max_sessions: z.number().int().min(1).max(100_000).default(1000),
    })
    .prefault({}),

  observe: z
    .strictObject({
      /** Families of pods' metrics that the kubelet gets, for /metrics/cadvisor. The default is what cAdvisor tells it there. */
      pod_metrics: z.array(podMetricFamily).default(podMetricFamily.options.filter((family) => family !== 'hugetlb')),
    })
    .prefault({}),

  metrics: z
    .strictObject({
      /** Where Prometheus finds berthd's metrics: `127.0.0.1:9190`, `[::1]:9190`. Empty: nowhere. */
      address: z.union([z.literal(''), hostAndPort]).default(''),
      /** A certificate with those that sign it, and its key, in PEM. Empty: plain http. */
      tls_cert: z.union([z.literal(''), absolutePath]).default(''),
      tls_key: z.union([z.literal(''), absolutePath]).default(''),
      /** CAs of the certificates that clients then have to show. Empty: whoever gets there may read. */
      client_ca: z.union([z.literal(''), absolutePath]).default(''),
    })
    .prefault({}),
});

/** The configuration as the rooms see it. */
export type Config = z.output<typeof configSchema>;
