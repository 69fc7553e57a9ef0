import { BerthError } from '../../base';
import type { ContainerConfig } from '../../wire';
import { groupsPolicy } from '../cri';
import type { ResolvedUser } from '../input';
import { accountFileLimit, findAccount, findGroup, groupsOf, highestId, parseId, type Account } from './accounts';

/** Who is asked for, and the files of the image that say what it means. */
export interface UserInput {
  /** The container's id, for messages. */
  readonly id: string;
  readonly runAsUser?: bigint;
  readonly runAsGroup?: bigint;
  /** Empty: not set. */
  readonly runAsUsername: string;
  /** The image's `user[:group]`. */
  readonly imageUser: string;
  readonly supplementalGroups: readonly bigint[];
  /** CRI SupplementalGroupsPolicy: 0 Merge, 1 Strict. */
  readonly policy: number;
  /** /etc/passwd and /etc/group of the root file system; undefined: there is none. */
  readonly passwd: string | undefined;
  readonly group: string | undefined;
  readonly fsGroup?: bigint;
}

/** The largest number of groups of a process (setgroups(2), NGROUPS_MAX). */
const groupsMax = 65536;

/** The part of the input that CRI and the image give. */
export function userRequest(
  id: string,
  config: ContainerConfig,
  imageUser: string,
): Omit<UserInput, 'passwd' | 'group'> {
  const context = config.linux?.securityContext;
  return {
    id,
    runAsUser: context?.runAsUser?.value,
    runAsGroup: context?.runAsGroup?.value,
    runAsUsername: context?.runAsUsername ?? '',
    imageUser,
    supplementalGroups: context?.supplementalGroups ?? [],
    policy: context?.supplementalGroupsPolicy ?? groupsPolicy.merge,
  };
}

/**
 * Resolves the user: CRI's name, else CRI's uid, else the image's `user[:group]`, else root. A numeric name is an id;
 * an explicit group replaces that of passwd; the primary gid is always among the additional ones.
 * @throws `container-user` for an unknown name, an id beyond 2^31-1, a group without a user, too many groups.
 */
export function resolveUser(input: UserInput): ResolvedUser {
  for (const text of [input.passwd, input.group]) {
    if (text !== undefined && text.length > accountFileLimit) {
      throw refuse(input, `the image's /etc/passwd or /etc/group is larger than ${accountFileLimit} bytes`);
    }
  }
  if (input.policy !== groupsPolicy.merge && input.policy !== groupsPolicy.strict) {
    throw refuse(input, `supplemental_groups_policy is ${input.policy}: not Merge or Strict`);
  }
  const { uid, gid, account } = primary(input);
  const groups = new Set([gid]);
  for (const value of input.supplementalGroups) groups.add(checkedId(input, value, 'supplemental_groups'));
  if (input.fsGroup !== undefined) groups.add(checkedId(input, input.fsGroup, 'fs_group'));
  if (input.policy !== groupsPolicy.strict && account !== undefined && input.group !== undefined) {
    for (const value of groupsOf(input.group, account.name)) groups.add(value);
  }
  if (groups.size > groupsMax) throw refuse(input, `${groups.size} groups; a process can have ${groupsMax}`);
  const home = account?.home.startsWith('/') ? account.home : '/';
  return { uid, gid, additionalGids: [...groups].sort((a, b) => a - b), home };
}

function primary(input: UserInput): { uid: number; gid: number; account: Account | undefined } {
  const chosen = chooseUser(input);
  const account = lookUp(input, chosen.user, chosen.field);
  const uid = account?.uid ?? parseId(chosen.user) ?? 0;
  const gid =
    input.runAsGroup !== undefined
      ? checkedId(input, input.runAsGroup, 'run_as_group')
      : chosen.group !== undefined
        ? groupId(input, chosen.group)
        : (account?.gid ?? 0);
  return { uid, gid, account };
}

function chooseUser(input: UserInput): { user: string; group?: string; field: string } {
  if (input.runAsUsername !== '') return { user: input.runAsUsername, field: 'run_as_username' };
  if (input.runAsUser !== undefined) {
    return { user: String(checkedId(input, input.runAsUser, 'run_as_user')), field: 'run_as_user' };
  }
  if (input.runAsGroup !== undefined) {
    throw refuse(input, `run_as_group ${input.runAsGroup} is set without run_as_user or run_as_username`);
  }
  const colon = input.imageUser.indexOf(':');
  const user = colon < 0 ? input.imageUser : input.imageUser.slice(0, colon);
  const group = colon < 0 ? '' : input.imageUser.slice(colon + 1);
  return { user: user || '0', ...(group && { group }), field: "the image's user" };
}

/** The account of a name or id. An id need not have one; a name must. */
function lookUp(input: UserInput, user: string, field: string): Account | undefined {
  const passwd = input.passwd ?? '';
  if (/^\d+$/.test(user)) {
    const uid = parseId(user);
    if (uid === undefined) throw refuse(input, `${field} is ${user}: an id is 0 to ${highestId}`);
    return findAccount(passwd, { uid });
  }
  const account = findAccount(passwd, { name: user });
  if (account === undefined) throw refuse(input, `${field} is ${JSON.stringify(user)}: not in the image's /etc/passwd`);
  return account;
}

function groupId(input: UserInput, group: string): number {
  const id = /^\d+$/.test(group) ? parseId(group) : findGroup(input.group ?? '', group);
  if (id !== undefined) return id;
  throw refuse(
    input,
    `the image's group is ${JSON.stringify(group)}: not in its /etc/group, nor an id of 0 to ${highestId}`,
  );
}

function checkedId(input: UserInput, value: bigint, field: string): number {
  if (value >= 0n && value <= BigInt(highestId)) return Number(value);
  throw refuse(input, `${field} is ${value}: an id is 0 to ${highestId}`);
}

function refuse(input: UserInput, detail: string): BerthError {
  return new BerthError('container-user', { op: 'CreateContainer', object: `container ${input.id}`, detail });
}
