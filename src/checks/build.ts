// What a configuration says of a check → the check that runs. No secret of its
// settings leaves by a result.

import type { Check, Outcome, Probe, Severity } from "./check.ts";
import type { CheckKind, ProbeContext } from "./kind.ts";

export interface CheckConfig {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly name: string;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  readonly severity: Severity;
  /** Absent: on request. */
  readonly intervalMs: number | undefined;
  readonly staleAfterMs: number;
  /** Texts that were read from a file or the environment and must not be shown. */
  readonly secrets: readonly string[];
}

export interface BuildContext {
  readonly env: ProbeContext["env"];
  readonly onOrphan: (check: string) => void;
}

/** A text so short stands everywhere by chance; to hide it would hide all else, and tell it. */
const SHORTEST_SECRET = 4;

export function buildCheck(config: CheckConfig, { env, onOrphan }: BuildContext): Check {
  const { kind, settings, name, timeoutMs, rise, fall, severity, intervalMs, staleAfterMs } = config;
  const secrets = [...config.secrets, ...(kind.secrets?.(settings) ?? [])];
  const hide = hiding(secrets);
  const context: ProbeContext = {
    name,
    timeoutMs,
    env,
    onOrphan: () => onOrphan(name),
    hide: (text) => withoutBeginnings(hide?.(text) ?? text, secrets),
  };
  const probe = kind.probe(settings, context);
  return {
    name,
    kind: kind.name,
    target: hide ? hide(kind.target(settings)) : kind.target(settings),
    timeoutMs,
    rise,
    fall,
    severity,
    ...(intervalMs !== undefined && { intervalMs }),
    staleAfterMs,
    probe: hide ? withoutSecrets(probe, hide) : probe,
    ...(kind.inspect && {
      inspect: async () => ((await kind.inspect?.(settings, context)) ?? []).map(hide ?? ((line) => line)),
    }),
  };
}

type Hide = (text: string) => string;

/** Undefined where there is nothing to hide. */
export function hiding(secrets: readonly string[]): Hide | undefined {
  const hidden = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST_SECRET);
  // The longest first: one may hold another.
  hidden.sort((one, other) => other.length - one.length);
  if (hidden.length === 0) return undefined;
  return (text) => hidden.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}

/** The text, less the beginning of a secret that it ends with. */
function withoutBeginnings(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    for (let length = secret.length - 1; length >= SHORTEST_SECRET; length--) {
      if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}***`;
    }
  }
  return text;
}

function withoutSecrets(probe: Probe, hide: Hide): Probe {
  return async (signal) => {
    const outcome = await probe(signal);
    const hidden: Record<string, unknown> = { ...outcome };
    for (const key of ["detail", "warning", "message", "output"]) {
      const text = hidden[key];
      if (typeof text === "string") hidden[key] = hide(text);
    }
    return hidden as Outcome;
  };
}
