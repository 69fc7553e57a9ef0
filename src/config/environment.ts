import { homedir } from 'node:os';

/** What berthd takes from its environment, but for a socket that it is started with: read once at start, and nowhere else. */
export interface Environment {
  /** Where programs without a path are looked for. */
  readonly searchPath: string;
  readonly home: string;
  readonly xdgRuntimeDir: string | undefined;
  readonly xdgConfigHome: string | undefined;
  /** Docker's folder of config.json, where it is not `~/.docker`. */
  readonly dockerConfig: string | undefined;
  /** The bundle of certificate authorities, where it is not the system's. */
  readonly caFile: string | undefined;
  readonly proxy: ProxyEnvironment;
  /** Where a test wants berthd to fail; empty otherwise. */
  readonly failpoints: string;
  /** All of it, for programs that are to find their own settings there. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The proxies as they are written; empty is none. */
export interface ProxyEnvironment {
  readonly http: string;
  readonly https: string;
  readonly no: string;
}

/** Reads an environment; of a variable in both cases the upper one counts, as with Go's programs. */
export function readEnvironment(from: NodeJS.ProcessEnv): Environment {
  const given = (name: string): string | undefined => from[name] || undefined;
  const either = (name: string): string => given(name) ?? given(name.toLowerCase()) ?? '';
  return {
    searchPath: given('PATH') ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    home: given('HOME') ?? homedir(),
    xdgRuntimeDir: given('XDG_RUNTIME_DIR'),
    xdgConfigHome: given('XDG_CONFIG_HOME'),
    dockerConfig: given('DOCKER_CONFIG'),
    caFile: given('SSL_CERT_FILE'),
    proxy: { http: either('HTTP_PROXY'), https: either('HTTPS_PROXY'), no: either('NO_PROXY') },
    failpoints: given('BERTH_FAILPOINTS') ?? '',
    variables: Object.fromEntries(
      Object.entries(from).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}
