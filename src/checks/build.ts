// Makes a check from its configuration. Its outcomes are redacted.

import { escapeInvisible } from "../text/odd-characters.ts";
import type { Check, Probe, Severity } from "./check.ts";
import type { CheckKind, ProbeContext } from "./kind.ts";
import { redactorOf, targetOf, withRedaction } from "./redact.ts";

export interface CheckConfig {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly name: string;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly severity: Severity;
  /** Undefined if it runs on request. */
  readonly intervalMs: number | undefined;
  readonly staleAfterMs: number;
  /** Texts from files or the environment that must be redacted. */
  readonly secrets: readonly string[];
}

export interface BuildContext {
  readonly env: ProbeContext["env"];
  readonly onOrphan: (check: string) => void;
}

export function buildCheck(config: CheckConfig, { env, onOrphan }: BuildContext): Check {
  const { kind, settings, name, timeoutMs, rise, fall, severity, intervalMs, staleAfterMs } = config;
  const redact = redactorOf(config.secrets, kind.secrets?.(settings));
  const context: ProbeContext = {
    name,
    timeoutMs,
    env,
    onOrphan: () => onOrphan(name),
    redact: (text, cut = "end") => redact?.(text, cut) ?? text,
  };
  const built = kind.probe(settings, context);
  const probe = built instanceof Promise ? whenLoaded(built) : built;
  return {
    name,
    kind: kind.name,
    target: escapeInvisible(targetOf(config)),
    timeoutMs,
    rise,
    fall,
    severity,
    ...(intervalMs !== undefined && { intervalMs }),
    staleAfterMs,
    probe: redact ? withRedaction(probe, redact) : probe,
    ...(kind.inspect && {
      inspect: async () => ((await kind.inspect?.(settings, context)) ?? []).map((line) => redact?.(line) ?? line),
    }),
  };
}

function whenLoaded(loading: Promise<Probe>): Probe {
  // If loading fails, each run reports it.
  loading.catch(() => {});
  return async (limit) => (await loading)(limit);
}
