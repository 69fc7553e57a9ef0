import type { NamespaceOption } from '../wire';
import { containerAnnotations } from './annotations';
import { containerDevices } from './devices';
import { applyEdits } from './cdi/apply';
import { matchingHooks } from './hooks/hooks';
import type { ContainerSpecInput } from './input';
import { containerMounts } from './mounts/mounts';
import { containerNamespaces, idMappings } from './namespaces';
import type { Spec } from './oci';
import { pathProblem } from './path-problem';
import { processArgs } from './process/args';
import { processCwd } from './process/cwd';
import { processEnv } from './process/env';
import { execProblem } from './process/exec-limits';
import { clampOomScore } from './process/oom-score';
import { processRlimits } from './process/rlimits';
import { refuseContainer } from './refuse';
import { containerResources } from './resources';
import { containerSeccomp } from './seccomp/seccomp';
import { capabilitySets } from './security/capabilities';
import { securityLabels } from './security/labels';
import { protectedPaths } from './security/paths';
import { sameUserNamespace, unmappedId, userNamespaceProblem } from './user-namespaces';

/** The version of the runtime specification that is written: all that runc 1.1 and crun 1.8 take. */
export const ociVersion = '1.0.2';

export interface ContainerSpecResult {
  readonly spec: Spec;
  /** What this machine made berth cut from the request, in sentences for the log. */
  readonly notes: readonly string[];
}

/**
 * The OCI runtime spec of a CRI container. Pure: everything that must be read comes with the input.
 * @throws `argument-invalid`, `container-no-command`, `container-mount`, `not-implemented`, each naming the field.
 */
export function containerSpec(input: ContainerSpecInput): ContainerSpecResult {
  const { id, config, sandbox, image, user, facts, defaults } = input;
  const context = config.linux?.securityContext;
  const sandboxContext = sandbox.config.linux?.securityContext;
  const privileged = context?.privileged === true;
  if (privileged && sandboxContext?.privileged !== true) {
    throw refuseContainer(id, 'security_context.privileged in a pod sandbox that is not privileged');
  }
  const unmapped = unmappedId(user, sandbox.userns);
  if (unmapped) throw refuseContainer(id, unmapped, 'container-user');
  checkUserNamespace(id, context?.namespaceOptions, sandboxContext?.namespaceOptions);

  const capabilities = capabilitySets(id, context, facts, defaults);
  const seccomp = containerSeccomp(input, capabilities.sets);
  const devices = containerDevices(id, input.devices, privileged);
  const resources = containerResources(config.linux?.resources, facts, defaults, devices.rules);
  const { mounts, rootfsPropagation } = containerMounts(input);
  const labels = securityLabels(id, context, sandboxContext?.selinuxOptions, facts);
  const rlimits = processRlimits(defaults.ulimits ?? [], facts);
  const oomScore = clampOomScore(wantedOomScore(input), facts);
  const env = processEnv({
    id,
    tty: config.tty,
    hostname: sandbox.hostname,
    home: user.home,
    defaults: defaults.env,
    image: image.env,
    config: config.envs,
  });

  const args = processArgs(id, config, image);
  const cwd = processCwd(config.workingDir, image.workingDir);
  const notFolder = pathProblem(cwd);
  if (notFolder) throw refuseContainer(id, `config.working_dir ${notFolder}`);
  const problem = execProblem(args, env.env);
  if (problem) throw refuseContainer(id, `config.command, config.args or config.envs: ${problem}`);

  const spec: Spec = {
    ociVersion,
    process: {
      terminal: config.tty,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args,
      env: env.env,
      cwd,
      capabilities: capabilities.sets,
      noNewPrivileges: context?.noNewPrivs === true,
      oomScoreAdj: oomScore.value,
      ...(rlimits.rlimits.length > 0 && { rlimits: rlimits.rlimits }),
      ...(labels.apparmorProfile && { apparmorProfile: labels.apparmorProfile }),
      ...(labels.selinuxLabel && { selinuxLabel: labels.selinuxLabel }),
    },
    root: { path: input.rootfsPath, readonly: context?.readonlyRootfs === true },
    mounts,
    annotations: containerAnnotations(input),
    linux: {
      namespaces: containerNamespaces(sandbox, facts, privileged),
      ...idMappings(sandbox.userns),
      cgroupsPath: input.cgroupPath,
      resources: resources.resources,
      devices: devices.nodes,
      ...protectedPaths(id, context),
      ...(seccomp && { seccomp }),
      ...(rootfsPropagation && { rootfsPropagation }),
      ...(labels.mountLabel && { mountLabel: labels.mountLabel }),
    },
  };
  return {
    spec: withAdditions(input, spec),
    notes: [...capabilities.notes, ...env.notes, ...resources.notes, ...rlimits.notes, ...oomScore.notes],
  };
}

/** What others than CRI bring: the node's hooks, and the devices of vendors. */
function withAdditions({ config, sandbox, hooks: files, cdi }: ContainerSpecInput, spec: Spec): Spec {
  const hooks = matchingHooks(files, {
    annotations: { ...sandbox.config.annotations, ...config.annotations, ...spec.annotations },
    command: spec.process.args[0] ?? '',
    hasBindMounts: config.mounts.length > 0,
  });
  return cdi.reduce(applyEdits, hooks ? { ...spec, hooks } : spec);
}

/** CRI cannot tell 0 from not set; both are written, so that the daemon's own score is not inherited. */
function wantedOomScore({ config }: ContainerSpecInput): number {
  return Number(config.linux?.resources?.oomScoreAdj ?? 0n);
}

function checkUserNamespace(id: string, own: NamespaceOption | undefined, pod: NamespaceOption | undefined): void {
  const problem = userNamespaceProblem(own);
  if (problem) throw refuseContainer(id, `security_context.${problem}`);
  if (sameUserNamespace(own, pod)) return;
  throw refuseContainer(id, "security_context.namespace_options.userns_options are not the pod's");
}
