// The only table of the keys that a check of any kind takes, with their defaults. All but `name` and `interval` may
// also be under `defaults`.

import { SEVERITIES, type Severity } from "../checks/check.ts";
import { duration, type Field, oneOf, text, wholeNumber } from "../fields/field.ts";
import { formatDuration } from "../text/duration.ts";
import { DEFAULT_TIMEOUT_MS, interval } from "./options.ts";

interface CommonKey<T> {
  readonly field: Field<T>;
  readonly description: string;
}

interface KeyWithDefault<T> extends CommonKey<T> {
  readonly default: T;
}

/** A result is stale when this many runs of its check are overdue. */
const STALE_INTERVALS = 3;

const LONGEST_NAME = 100;

const anyName = text(`a name of at most ${LONGEST_NAME} characters`);

const checkName: Field<string> = {
  ...anyName,
  read(given) {
    const read = anyName.read(given);
    if (!("value" in read)) return read;
    if (/\p{Cc}/u.test(read.value)) return { hint: "it holds a control character" };
    return read.value.length <= LONGEST_NAME ? read : {};
  },
};

/** More results in a row than any user waits for. */
const MOST_IN_A_ROW = 1000;

const inARow = wholeNumber(1, MOST_IN_A_ROW);
const IN_A_ROW = 1;
const SEVERITY: Severity = "critical";

function define<T>(key: KeyWithDefault<T>): KeyWithDefault<T>;
function define<T>(key: CommonKey<T>): CommonKey<T>;
function define<T>(key: CommonKey<T>): CommonKey<T> {
  return key;
}

export const COMMON_KEYS = {
  name: define({
    field: checkName,
    description:
      "The name of the check in the log and under `endpoints`. It must be unique. Default: its kind and target.",
  }),
  timeout: define({
    field: duration,
    default: DEFAULT_TIMEOUT_MS,
    description: `A run that takes longer fails. Default: \`script-timeout\` or \`port-timeout\` where one applies, else ${formatDuration(DEFAULT_TIMEOUT_MS)}.`,
  }),
  rise: define({
    field: inARow,
    default: IN_A_ROW,
    description: `A check that is down is up after this many passes in a row. A value above 1 needs an interval. Default: \`${IN_A_ROW}\`.`,
  }),
  fall: define({
    field: inARow,
    default: IN_A_ROW,
    description: `A check that is up is down after this many failures in a row. A value above 1 needs an interval. Default: \`${IN_A_ROW}\`.`,
  }),
  "stale-after": {
    field: duration,
    defaultFor: (timeoutMs: number, intervalMs = 0): number => STALE_INTERVALS * intervalMs + timeoutMs,
    description: `A background result older than this is stale, and its check counts as down. Default: ${STALE_INTERVALS} intervals plus the timeout.`,
  },
  severity: define({
    field: oneOf(SEVERITIES),
    default: SEVERITY,
    description: `A \`critical\` check decides the host. A \`warning\` check is reported and does not decide the host. An \`endpoint\` check decides only the endpoints that name it. Default: \`${SEVERITY}\`.`,
  }),
  interval: define({
    field: interval,
    description: "Run this check in the background this often. Default: the option `interval`.",
  }),
} as const;

type Name = keyof typeof COMMON_KEYS;

type ValueOf<N extends Name> = (typeof COMMON_KEYS)[N] extends CommonKey<infer T> ? T : never;

/** The values that a check has for them. */
export type CommonValues = { readonly [N in Name]?: ValueOf<N> | undefined };

export type Defaults = Omit<CommonValues, "name" | "interval">;

export const COMMON_NAMES: ReadonlySet<string> = new Set(Object.keys(COMMON_KEYS));
