/** What passwd(5) says about a user. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The most that is read of an image's passwd or group: a larger file is an attack on the reader. */
export const accountFileLimit = 1 << 20;

/** The highest id: images must not reach the ids above it, which wrap in 32-bit code (CVE-2024-40635). */
export const highestId = 2 ** 31 - 1;

/** Parses a decimal id of 0..2^31-1; undefined for everything else. */
export function parseId(text: string): number | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= highestId ? id : undefined;
}

/** The first passwd line that the name or the uid matches; lines whose ids do not parse match nothing. */
export function findAccount(passwd: string, wanted: { name: string } | { uid: number }): Account | undefined {
  for (const fields of lines(passwd)) {
    const [name = '', , uidText = '', gidText = '', , home = ''] = fields;
    if ('name' in wanted && name !== wanted.name) continue;
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    if (name === '' || uid === undefined || gid === undefined) continue;
    if ('uid' in wanted && uid !== wanted.uid) continue;
    return { name, uid, gid, home };
  }
  return undefined;
}

/** The gid of the first group line with this name. */
export function findGroup(group: string, wanted: string): number | undefined {
  for (const [name, , gid = ''] of lines(group)) {
    if (name !== wanted) continue;
    const id = parseId(gid);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The gids of every group that lists the user. */
export function groupsOf(group: string, user: string): number[] {
  const gids: number[] = [];
  for (const [, , gid = '', members = ''] of lines(group)) {
    if (!members.includes(user) || !members.split(',').some((member) => member.trim() === user)) continue;
    const id = parseId(gid);
    if (id !== undefined) gids.push(id);
  }
  return gids;
}

/** The colon-separated fields of each line, one at a time; the cost is linear in the text. */
function* lines(text: string): Generator<readonly string[]> {
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#')) yield line.split(':', 7);
    start = end + 1;
  }
}
