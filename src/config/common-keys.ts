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
    description: "what it is called in the log and in `endpoints`; unique; default: kind and target",
  }),
  timeout: define({
    field: duration,
    default: DEFAULT_TIMEOUT_MS,
    description: `how long a run may take; its default is ${formatDuration(DEFAULT_TIMEOUT_MS)}, or what \`script-timeout\` and \`port-timeout\` say`,
  }),
  rise: define({
    field: inARow,
    default: IN_A_ROW,
    description: `how many passes in a row turn it up when it is down; default ${IN_A_ROW}. Above 1 it needs an interval`,
  }),
  fall: define({
    field: inARow,
    default: IN_A_ROW,
    description: `how many failures in a row turn it down when it is up; default ${IN_A_ROW}. Above 1 it needs an interval`,
  }),
  "stale-after": {
    field: duration,
    defaultFor: (timeoutMs: number, intervalMs = 0): number => STALE_INTERVALS * intervalMs + timeoutMs,
    description: `a result in the background older than this counts no more; default ${STALE_INTERVALS} intervals and the timeout`,
  },
  severity: define({
    field: oneOf(SEVERITIES),
    default: SEVERITY,
    description: `\`critical\` decides the host, \`warning\` is reported and does not, \`endpoint\` decides only the endpoints that name it; default \`${SEVERITY}\``,
  }),
  interval: define({
    field: interval,
    description: "run it in the background this often; default: the option `interval`",
  }),
} as const;

type Name = keyof typeof COMMON_KEYS;

type ValueOf<N extends Name> = (typeof COMMON_KEYS)[N] extends CommonKey<infer T> ? T : never;

/** The values that a check has for them. */
export type CommonValues = { readonly [N in Name]?: ValueOf<N> | undefined };

export type Defaults = Omit<CommonValues, "name" | "interval">;

export const COMMON_NAMES: ReadonlySet<string> = new Set(Object.keys(COMMON_KEYS));
