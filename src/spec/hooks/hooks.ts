import type { Hook, Hooks, Stage } from '../oci';
import type { HookFile, HookSubject } from './hook-file';

/** The hooks of all files that are for this container, in the order of the files; undefined for none. */
export function matchingHooks(files: readonly HookFile[], subject: HookSubject): Hooks | undefined {
  return hooksOf(
    files
      .filter((file) => file.matches(subject))
      .flatMap(({ hook, stages }) => stages.map((stage) => ({ stage, hook }))),
  );
}

/** The hooks by their stages; undefined for none. */
export function hooksOf(all: readonly { readonly stage: Stage; readonly hook: Hook }[]): Hooks | undefined {
  const hooks: Partial<Record<Stage, Hook[]>> = {};
  for (const { stage, hook } of all) (hooks[stage] ??= []).push(hook);
  return all.length > 0 ? hooks : undefined;
}

/** Both, those of the first one first. */
export function joinHooks(first: Hooks | undefined, second: Hooks | undefined): Hooks | undefined {
  if (!first || !second) return first ?? second;
  const list = (hooks: Hooks) =>
    Object.entries(hooks).flatMap(([stage, of]) => of.map((hook) => ({ stage: stage as Stage, hook })));
  return hooksOf([...list(first), ...list(second)]);
}
