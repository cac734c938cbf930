// What an answer of the control socket must be for it to be printed: all that is read of it, each
// with its type. What a later version has beside that is no fault.

import { SEVERITIES } from "../../checks/check.ts";
import type { UndrainAnswer, WithdrawalAnswer } from "../../listeners/control/answers.ts";
import type { CheckStatus, HostStatus, ReloadReport, ReloadUnderWay, WithdrawalStatus } from "../../status/status.ts";

type Is = (value: unknown) => boolean;

/** Every field has to be named. */
type Fields<T> = { readonly [Name in keyof Required<T>]: Is };

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText: Is = (value) => typeof value === "string";
const isFlag: Is = (value) => typeof value === "boolean";
const isNumber: Is = (value) => Number.isFinite(value);
const isTime: Is = (value) => typeof value === "string" && Number.isFinite(Date.parse(value));

const oneOf =
  <T>(...values: readonly T[]): Is =>
  (value) =>
    values.some((one) => one === value);

const optional =
  (is: Is): Is =>
  (value) =>
    value === undefined || is(value);

const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is);

const shape =
  <T>(fields: Fields<T>) =>
  (value: unknown): value is T =>
    isObject(value) && Object.entries<Is>(fields).every(([name, is]) => is(value[name]));

const WITHDRAWAL: Fields<WithdrawalStatus> = {
  drain: optional(shape<NonNullable<WithdrawalStatus["drain"]>>({ since: isTime })),
  maintenance: optional(
    shape<NonNullable<WithdrawalStatus["maintenance"]>>({ since: isTime, until: isTime, reason: optional(isText) }),
  ),
};

export const isReloadReport = shape<ReloadReport>({
  at: isTime,
  taken: isFlag,
  dryRun: isFlag,
  problems: listOf(isText),
  forcible: isFlag,
  cautions: listOf(isText),
  warnings: listOf(isText),
  kept: isNumber,
  changed: listOf(isText),
  kindChanged: listOf(isText),
  added: listOf(isText),
  removed: listOf(isText),
  options: listOf(isText),
  endpointsChanged: listOf(isText),
  endpointsAdded: listOf(isText),
  endpointsRemoved: listOf(isText),
});

const isCheckStatus = shape<CheckStatus>({
  name: isText,
  kind: isText,
  target: isText,
  severity: oneOf<CheckStatus["severity"]>(...SEVERITIES),
  status: oneOf<CheckStatus["status"]>("up", "down", "unknown"),
  stale: isFlag,
  forSeconds: optional(isNumber),
  ranAt: optional(isTime),
  seconds: optional(isNumber),
  reason: optional(isText),
  message: optional(isText),
  output: optional(isText),
  warning: optional(isText),
  detail: optional(isText),
  intervalSeconds: optional(isNumber),
});

export const isHostStatus = shape<HostStatus>({
  ...WITHDRAWAL,
  version: isText,
  pid: isNumber,
  startedAt: isTime,
  healthy: isFlag,
  state: oneOf<HostStatus["state"]>("healthy", "unhealthy", "draining", "maintenance", "stopping"),
  failing: listOf(isText),
  reloading: optional(shape<ReloadUnderWay>({ since: isTime, dryRun: isFlag })),
  lastReload: optional(isReloadReport),
  checks: listOf(isCheckStatus),
});

const isInForce = shape<WithdrawalAnswer["withdrawal"]>({ ...WITHDRAWAL, stopping: isFlag });

export const isWithdrawalAnswer = (value: unknown): value is WithdrawalAnswer =>
  isObject(value) &&
  (value["kept"] === true || (value["kept"] === false && isText(value["because"]))) &&
  isInForce(value["withdrawal"]);

const isWithdrawalStatus = shape<WithdrawalStatus>(WITHDRAWAL);

export const isUndrainAnswer = (value: unknown): value is UndrainAnswer =>
  isWithdrawalAnswer(value) && "ended" in value && isWithdrawalStatus(value.ended);
