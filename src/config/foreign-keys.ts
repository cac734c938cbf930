// Keys that other programs take, such as `port` or `url` in a check, and what to write instead.

import type { CheckKind } from "../checks/kind.ts";

const KEYS_OF_KIND = ["type", "kind", "check", "protocol"];

/** What to write instead of `key` in a check that has no kind. */
export function insteadOf(key: string, value: unknown, kinds: readonly CheckKind[]): string | undefined {
  if (KEYS_OF_KIND.includes(key)) {
    const meant = kinds.find(({ name }) => name === value) ?? kinds[0];
    return meant && `the kind is a key itself: ${meant.example}`;
  }
  const holder = kinds.find(({ aliases }) => aliases?.includes(key));
  return holder && `write ${holder.example}`;
}

/** What to write instead of `key` in a check of this kind. */
export const partOf = (key: string, { aliases, example }: CheckKind): string | undefined =>
  aliases?.includes(key) ? `it is part of ${example}` : undefined;
