/**
 * The closed list of what can go wrong, by stable code. Each has the gRPC status that CRI clients see and the
 * remedy that is added when the place that fails knows no better one. docs/errors.md is checked against this list.
 */
export const catalog = {
  'argument-invalid': { status: 'INVALID_ARGUMENT', remedy: 'correct the field and call again' },
  'not-implemented': { status: 'UNIMPLEMENTED', remedy: 'this version of berth does not offer it yet' },
  'call-cancelled': { status: 'CANCELLED', remedy: 'call again; work that had begun goes on or is undone' },
  'deadline-exceeded': { status: 'DEADLINE_EXCEEDED', remedy: 'call again with a longer deadline' },
  internal: { status: 'INTERNAL', remedy: 'report it with the log of berthd around this time' },
  failpoint: { status: 'INTERNAL', remedy: 'take it out of BERTH_FAILPOINTS and start berthd again' },
  'daemon-starting': { status: 'UNAVAILABLE', remedy: 'call again in a moment' },
  'daemon-stopping': { status: 'UNAVAILABLE', remedy: 'call again when berthd runs' },

  'config-invalid': { status: 'FAILED_PRECONDITION', remedy: 'correct the file and start berthd again' },
  'config-needs-restart': { status: 'FAILED_PRECONDITION', remedy: 'restart berthd; containers run on meanwhile' },
  'config-unreadable': { status: 'FAILED_PRECONDITION', remedy: 'check that the file exists and its permissions' },

  'kernel-refused': {
    status: 'INTERNAL',
    remedy: 'see the errno; berthd needs root and the kernel features in the README',
  },
  'path-not-found': { status: 'NOT_FOUND', remedy: 'check the path' },
  'path-escapes-root': { status: 'FAILED_PRECONDITION', remedy: 'remove the link or name that leaves the root' },
  'program-missing': {
    status: 'FAILED_PRECONDITION',
    remedy: 'install the program or correct its path in the configuration',
  },
  'program-failed': { status: 'INTERNAL', remedy: 'see its output' },
  'launcher-lost': { status: 'UNAVAILABLE', remedy: 'call again; the launcher is started anew' },

  'state-locked': { status: 'UNAVAILABLE', remedy: 'stop the process that holds the lock, or use another --root' },
  'state-corrupt': { status: 'DATA_LOSS', remedy: 'set the record aside and create the object again' },
  'state-newer': { status: 'FAILED_PRECONDITION', remedy: 'run the newer berth that wrote this state' },
  'storage-full': { status: 'RESOURCE_EXHAUSTED', remedy: 'free space on the file system that is named' },

  'image-not-found': { status: 'NOT_FOUND', remedy: 'pull it, or check the name' },
  'image-reference-invalid': {
    status: 'INVALID_ARGUMENT',
    remedy: 'use host/repository:tag or host/repository@sha256:digest',
  },
  'image-short-name': {
    status: 'INVALID_ARGUMENT',
    remedy: 'use the full name, or set an alias or search registries in registries.conf',
  },
  'image-blocked': { status: 'PERMISSION_DENIED', remedy: 'unblock the registry in registries.conf' },
  'image-signature': {
    status: 'UNKNOWN',
    remedy: 'sign the image as the policy requires, or change the policy; it is read anew by the next pull',
  },
  'policy-invalid': {
    status: 'FAILED_PRECONDITION',
    remedy: 'correct the file; it is read anew by the next pull',
  },
  'image-platform': { status: 'FAILED_PRECONDITION', remedy: 'use an image built for this machine' },
  'image-unsupported': { status: 'FAILED_PRECONDITION', remedy: 'push the image again as OCI or Docker schema 2' },
  'image-in-use': { status: 'FAILED_PRECONDITION', remedy: 'remove what uses the image first' },
  'image-archive-invalid': {
    status: 'INVALID_ARGUMENT',
    remedy: 'make the archive again with `docker save` or `skopeo copy`',
  },
  'layer-invalid': { status: 'FAILED_PRECONDITION', remedy: 'build the image again; a layer cannot be applied' },
  'layer-missing': { status: 'FAILED_PRECONDITION', remedy: 'pull the image again' },
  'digest-mismatch': {
    status: 'DATA_LOSS',
    remedy: 'pull again; if it stays, the registry or a proxy serves altered content',
  },
  'manifest-invalid': {
    status: 'FAILED_PRECONDITION',
    remedy: 'push the image again with a tool that follows the OCI image spec',
  },
  'manifest-not-found': { status: 'NOT_FOUND', remedy: 'check repository and tag' },
  'registry-unreachable': { status: 'UNAVAILABLE', remedy: 'check network, DNS and mirrors in registries.conf' },
  'registry-denied': {
    status: 'UNAUTHENTICATED',
    remedy: 'check credentials (imagePullSecrets) and that the repository exists',
  },
  'registry-credentials': {
    status: 'FAILED_PRECONDITION',
    remedy: 'correct the credential helper, or its entry in the auth file',
  },
  'registry-protocol': {
    status: 'UNAVAILABLE',
    remedy: 'check that the address is a registry and not a proxy or a portal',
  },
  'registry-throttled': {
    status: 'RESOURCE_EXHAUSTED',
    remedy: 'wait, or use a mirror or credentials with a higher limit',
  },

  'pod-not-found': { status: 'NOT_FOUND', remedy: 'list the pods with `berth pods`' },
  'pod-not-ready': { status: 'FAILED_PRECONDITION', remedy: 'run a new sandbox for the pod' },
  'container-not-found': { status: 'NOT_FOUND', remedy: 'list the containers with `berth ps -a`' },
  'container-state': { status: 'FAILED_PRECONDITION', remedy: 'see its state with `berth inspect`' },
  'container-no-command': {
    status: 'INVALID_ARGUMENT',
    remedy: 'set command or args, or give the image an Entrypoint or Cmd',
  },
  'container-command': {
    status: 'FAILED_PRECONDITION',
    remedy: 'use a program that the image has, by its path or by a name in PATH, and that the user may execute',
  },
  'container-memory': {
    status: 'FAILED_PRECONDITION',
    remedy: 'raise memory_limit_in_bytes: the OCI runtime itself needs some of it to start a process',
  },
  'container-limits': {
    status: 'FAILED_PRECONDITION',
    remedy: 'use limits that the kernel takes here, and that those of the pod allow',
  },
  'container-seccomp': {
    status: 'FAILED_PRECONDITION',
    remedy: 'use a seccomp profile that the OCI runtime can load, and that lets a process start',
  },
  'container-user': { status: 'INVALID_ARGUMENT', remedy: 'use a user that the image has, or a numeric id' },
  'container-mount': { status: 'INVALID_ARGUMENT', remedy: 'correct the mount' },
  'hook-invalid': {
    status: 'FAILED_PRECONDITION',
    remedy: 'correct the file or remove it; it is read anew by the next call',
  },
  'cdi-invalid': { status: 'FAILED_PRECONDITION', remedy: 'have the vendor’s tool write the CDI spec again' },
  'cdi-device-missing': {
    status: 'FAILED_PRECONDITION',
    remedy: 'see that the device’s vendor has written its CDI spec to one of the folders',
  },
  'checkpoint-invalid': {
    status: 'FAILED_PRECONDITION',
    remedy: 'make the checkpoint again; it is the file that CheckpointContainer writes, or an image of its contents',
  },
  'checkpoint-refused': {
    status: 'FAILED_PRECONDITION',
    remedy: 'set runtime.restore_from in the configuration, if those who name images are to be trusted as root is',
  },
  'checkpoint-failed': {
    status: 'FAILED_PRECONDITION',
    remedy: 'see what CRIU says; `criu check` tells whether it works on this node at all',
  },
  'checkpoint-image-missing': {
    status: 'FAILED_PRECONDITION',
    remedy: 'pull the image that the checkpointed container ran from',
  },
  'restore-failed': {
    status: 'FAILED_PRECONDITION',
    remedy: 'see what CRIU says; the kernel, CRIU and the pod have to be such as the checkpoint needs',
  },
  'handler-unknown': { status: 'INVALID_ARGUMENT', remedy: 'use a handler of the configuration ([runtimes.<name>])' },
  'runtime-failed': { status: 'INTERNAL', remedy: 'see the message of the OCI runtime' },
  'monitor-lost': {
    status: 'INTERNAL',
    remedy: 'see whether the container still runs: if it does try again, if not the kubelet starts it anew',
  },

  'network-not-ready': {
    status: 'FAILED_PRECONDITION',
    remedy: 'install a network plugin: it writes its configuration to the CNI folder',
  },
  'network-config-invalid': { status: 'FAILED_PRECONDITION', remedy: 'correct the CNI configuration' },
  'network-plugin-missing': { status: 'FAILED_PRECONDITION', remedy: 'install the plugin in the CNI plugin folder' },
  'network-plugin-failed': { status: 'UNKNOWN', remedy: 'see the message of the plugin' },
  'network-try-again': { status: 'UNAVAILABLE', remedy: 'call again' },
  'host-port-taken': {
    status: 'FAILED_PRECONDITION',
    remedy: 'stop the pod that has it, or use another host port or address',
  },

  'port-refused': {
    status: 'FAILED_PRECONDITION',
    remedy: 'see which program of the pod should listen there, and on which address',
  },

  'stream-token-unknown': { status: 'NOT_FOUND', remedy: 'ask for a new URL; it can be used once, within a minute' },
  'stream-too-many': { status: 'RESOURCE_EXHAUSTED', remedy: 'close sessions that are no longer used' },
  'stream-slow': { status: 'RESOURCE_EXHAUSTED', remedy: 'attach again; what was missed is in the log' },
  'events-slow': {
    status: 'RESOURCE_EXHAUSTED',
    remedy: 'list what there is, subscribe again, and read on while events come',
  },
  'stream-protocol': {
    status: 'INVALID_ARGUMENT',
    remedy: 'use a client that follows the Kubernetes streaming protocol',
  },
} as const satisfies Record<string, { status: StatusName; remedy: string }>;

/** The names of the gRPC status codes that errors map to. */
export type StatusName =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** A stable code: never renamed, never reused. */
export type ErrorCode = keyof typeof catalog;
