// The default name of a check is its kind and target, on one line. If that name is taken a number follows: the second
// "tcp 127.0.0.1:80" is "tcp 127.0.0.1:80 #2".

import type { CheckKind } from "../checks/kind.ts";
import { targetOf } from "../checks/redact.ts";
import { escapeInvisible } from "../text/odd-characters.ts";

/** `given` are the names that users gave to checks. A name shows none of `secrets`. */
export function createNaming(given: readonly string[], secrets: readonly string[]) {
  const taken = new Set(given);
  const counts = new Map<string, number>();
  return (kind: CheckKind, settings: unknown): string => {
    const plainName = escapeInvisible(`${kind.name} ${targetOf({ kind, settings, secrets })}`).replaceAll(
      /\p{Cc}+/gu,
      " ",
    );
    let count = counts.get(plainName) ?? 1;
    let unique = count === 1 ? plainName : `${plainName} #${count}`;
    while (taken.has(unique)) unique = `${plainName} #${++count}`;
    counts.set(plainName, count);
    taken.add(unique);
    return unique;
  };
}
