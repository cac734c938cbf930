// Keys that are natural and not ours, such as `port` or `url` in a check, and what to write instead.

import type { CheckKind } from "../checks/kind.ts";

const KEYS_OF_KIND = ["type", "kind", "check", "protocol"];

/** What to write in a check that has no kind, for what it has at `key`. */
export function insteadOf(key: string, value: unknown, kinds: readonly CheckKind[]): string | undefined {
  if (KEYS_OF_KIND.includes(key)) {
    const meant = kinds.find(({ name }) => name === value) ?? kinds[0];
    return meant && `the kind is a key itself: ${meant.example}`;
  }
  const holder = kinds.find(({ aliases }) => aliases?.includes(key));
  return holder && `write ${holder.example}`;
}

/** What to write in a check of this kind. */
export const besides = (key: string, { aliases, example }: CheckKind): string | undefined =>
  aliases?.includes(key) ? `it is part of ${example}` : undefined;
