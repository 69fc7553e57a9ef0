/**
 * The steps of pods' and containers' lives at which berthd can be made to fail, each with what it does. Each has two
 * failpoints, `<step>.before` and `<step>.after`. What goes before the first point is the call that comes by.
 */
export const failSteps = {
  'run-pod.network-list': 'the list of CNI plugins that counts is looked up',
  'run-pod.record': 'the intent is written: phase creating',
  'run-pod.pin': 'namespaces are made and pinned',
  'run-pod.attach': 'CNI ADD, all plugins of the list',
  'run-pod.open-ports': 'host ports of its own are opened',
  'run-pod.files': 'resolv.conf, hostname and /dev/shm are made',
  'run-pod.cgroup': 'the cgroup is made',
  'run-pod.infra-record': 'the runtime of the pause is written down',
  'run-pod.infra-create': 'the OCI runtime creates the pause',
  'run-pod.infra-start': 'the OCI runtime starts the pause',
  'run-pod.ready': 'phase ready is written',

  'create-container.plan': 'fields, image and policy are looked at',
  'create-container.record': 'the intent is written: phase creating',
  'create-container.checkpoint': 'a checkpoint is brought into the container’s folder and read',
  'create-container.base-image': 'the image that the checkpoint was made from is written down',
  'create-container.folders': 'bundle and pid folders are made',
  'create-container.rootfs': 'the overlay is mounted',
  'create-container.mount-sources': 'folders that mounts name are made',
  'create-container.log-folder': 'the folder of the log is made',
  'create-container.restore-root': 'what the checkpointed root had and had not is done to the root',
  'create-container.volumes': 'images are mounted as volumes',
  'create-container.gather': 'user, devices, hooks and profiles are read; the volumes are among it',
  'create-container.restore-spec': 'mounts are compared with the checkpoint’s, and CRIU’s configuration is written',
  'create-container.spec': 'config.json is written, and folders in the root are made',
  'create-container.runtime': 'the OCI runtime creates the container',
  'create-container.created': 'phase created is written',

  'start-monitor.process': 'the monitor of a container or a pause is started, which begins to create',
  'start-monitor.connect': 'its socket is reached',

  'start-container.runtime': 'the OCI runtime starts the container',
  'start-container.discard-checkpoint': 'what a container was restored from is deleted',
  'start-container.running': 'phase running is written',

  'stop-container.signal': 'the stop signal is sent',
  'stop-container.wait': 'the grace passes, or the container ends',
  'stop-container.kill': 'SIGKILL is sent',

  'exit-container.record': 'the end is written: phase exited',
  'exit-container.delete': 'the OCI runtime forgets the container',
  'exit-container.unmount': 'root and volumes are unmounted',
  'exit-container.release': 'the monitor is let go',
  'exit-container.reaped': 'that nothing is held any more is written',

  'discard-container.delete': 'the OCI runtime forgets a container that is not reaped',
  'discard-container.cgroup': 'its cgroup is killed and removed',
  'discard-container.dismiss': 'its monitor sees the end and leaves',

  'remove-container.removing': 'the intent is written: phase removing',
  'remove-container.rootfs': 'root and volumes are unmounted, the writable layer is deleted',
  'remove-container.files': 'bundle, exit record and sockets are deleted',
  'remove-container.forget': 'the record is deleted',

  'stop-pod.stopping': 'the intent is written: phase stopping',
  'stop-pod.containers': 'the containers are stopped',
  'stop-pod.close-ports': 'host ports of its own are closed',
  'stop-pod.detach': 'CNI DEL, all plugins of the list',
  'stop-pod.infra': 'the pause is ended',
  'stop-pod.unpin-net': 'the network namespace goes',
  'stop-pod.unpin-ipc': 'the IPC namespace goes',
  'stop-pod.unpin-uts': 'the UTS namespace goes',
  'stop-pod.unpin-user': 'the user namespace goes',
  'stop-pod.unmount-shm': '/dev/shm is unmounted',
  'stop-pod.taken-down': 'what was taken down is written',
  'stop-pod.stopped': 'phase stopped is written',

  'remove-pod.containers': 'the containers are removed',
  'remove-pod.removing': 'the intent is written: phase removing',
  'remove-pod.files': "the pod's folder is deleted",
  'remove-pod.cgroup': 'the cgroup is removed',
  'remove-pod.forget': 'the record is deleted',
} as const satisfies Record<string, string>;

export type FailStep = keyof typeof failSteps;
export type Failpoint = `${FailStep}.${'before' | 'after'}`;

/** Every failpoint, in the order of the steps. */
export const failpoints: readonly Failpoint[] = Object.keys(failSteps)
  .filter((name): name is FailStep => name in failSteps)
  .flatMap((step): Failpoint[] => [`${step}.before`, `${step}.after`]);
