/** The kernel's MAX_ARG_STRLEN with its zero byte, and what it takes of all together at most (execve(2)). */
const longestText = 131_072;
const mostBytes = 6 * 1024 * 1024;

/** Why the kernel would not execute a command with these arguments and variables, whatever it is; undefined if it might. */
export function execProblem(args: readonly string[], env: readonly string[]): string | undefined {
  let sum = 0;
  for (const [what, texts] of [['an argument', args] as const, ['a variable', env] as const]) {
    for (const text of texts) {
      const size = Buffer.byteLength(text) + 1;
      if (size > longestText)
        return `${what} has ${size} bytes (${JSON.stringify(text.slice(0, 40))}…): the kernel takes ${longestText}`;
      sum += size;
    }
  }
  return sum > mostBytes ? `arguments and variables have ${sum} bytes: the kernel takes ${mostBytes}` : undefined;
}
