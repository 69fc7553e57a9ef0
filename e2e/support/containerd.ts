import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonOptions } from './daemon';
import { images } from './fixtures';
import { writeCertsD } from './layout';

/**
 * Debian's containerd 1.6 with folders of its own. A machine without CAP_SYS_RESOURCE refuses the negative
 * oom_score_adj of its sandboxes, which restrict_oom_score_adj leaves out.
 */
export async function containerdCommand({
  layout,
  hosts,
  runtime,
  syncPulls = false,
}: DaemonOptions): Promise<readonly string[]> {
  const certsDir = join(layout.dir, 'certs.d');
  await writeCertsD(certsDir, hosts);
  const file = join(layout.dir, 'containerd.toml');
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  await writeFile(
    file,
    `version = 2
root = "${layout.root}"
state = "${layout.runRoot}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${layout.socket}"
[ttrpc]
  address = "${layout.socket}.ttrpc"
[${cri}]
  restrict_oom_score_adj = true
  image_pull_with_sync_fs = ${syncPulls}
  sandbox_image = "${images.pause}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${layout.cniConfDir}"
[${cri}.registry]
  config_path = "${certsDir}"
[${cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${runtime ?? 'runc'}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(layout.dir, 'opt')}"
`,
  );
  return [process.env['BERTH_PEER'] ?? 'containerd', '--config', file, '--log-level', 'info'];
}
