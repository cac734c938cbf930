// A check as a config file would make it, for the tests of its kind.

import { z } from "zod";
import { buildCheck } from "../../src/checks/build.ts";
import type { Check } from "../../src/checks/check.ts";
import type { CheckKind } from "../../src/checks/kind.ts";
import { runCheck } from "../../src/checks/run.ts";
import { mapping } from "../../src/fields/keys.ts";
import type { Outcome } from "../../src/outcome.ts";

const never = new AbortController().signal;

export interface CheckOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly onOrphan?: (check: string) => void;
  /** What was filled in for ${file:…} and ${env:…}. */
  readonly secrets?: readonly string[];
}

/** `keys` as they stand in the file, kind key and all; throws what is wrong with them. */
export function checkOf<S>(
  kind: CheckKind<S>,
  keys: Readonly<Record<string, unknown>>,
  { timeoutMs = 10_000, env = {}, onOrphan = () => {}, secrets = [] }: CheckOptions = {},
): Check {
  const settings = mapping(z, kind.keys).parse(keys) as S;
  const conflict = kind.conflict?.(settings);
  if (conflict) throw new Error(`${conflict.path.join(".")}: expected ${conflict.expected}, got ${conflict.got}`);
  return buildCheck(
    {
      kind: kind as CheckKind,
      settings,
      name: "it",
      timeoutMs,
      rise: 1,
      fall: 1,
      severity: "critical",
      intervalMs: undefined,
      staleAfterMs: 60_000,
      secrets,
    },
    { env, onOrphan },
  );
}

/** One run of such a check. */
export async function outcomeOf<S>(
  kind: CheckKind<S>,
  keys: Readonly<Record<string, unknown>>,
  options?: CheckOptions,
): Promise<Outcome> {
  return (await runCheck(checkOf(kind, keys, options), never)).outcome;
}
