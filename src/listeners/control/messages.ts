// The requests and answers of the control socket as JSON, except the status and the report of a reload, which are in
// src/status/schema.ts. The server and the commands share these schemas.
//
// zod costs 11 ms at start: load this file only by import(), and elsewhere import only its types.

import { z } from "zod";
import { reason } from "../../drain/reason.ts";
import { DrainStatus } from "../../status/schema.ts";
import { MAX_DURATION_MS } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";

/** A text that holds JSON for `schema`. */
const jsonText = <T extends z.ZodType>(schema: T) =>
  z.codec(z.string(), schema, {
    decode(text, context) {
      try {
        return JSON.parse(text);
      } catch {
        context.issues.push({ code: "custom", message: "expected JSON", input: text });
        return z.NEVER;
      }
    },
    encode: (value) => JSON.stringify(value),
  });

const RELOAD = "expected only force and dryRun, each true or false";
const flag = z.boolean({ error: RELOAD }).default(false);

export const ReloadRequest = jsonText(
  z.strictObject(
    {
      /** Reload even if that turns the host or an endpoint unhealthy. */
      force: flag,
      /** Only report what a reload would do. */
      dryRun: flag,
    },
    { error: ({ code }) => (code === "unrecognized_keys" ? RELOAD : "expected an object") },
  ),
);
export type ReloadRequest = Readonly<z.output<typeof ReloadRequest>>;

const REASON = `reason: expected ${reason.expected}`;

const Reason = z.string(REASON).check(({ value, issues }) => {
  const read = reason.read(value);
  if ("value" in read) return;
  const message = read.hint === undefined ? REASON : `${REASON} (${read.hint})`;
  issues.push({ code: "custom", message, input: value });
});

/** `expected`: the keys that a request may have. */
const keysError =
  (expected: string) =>
  (issue: { readonly code?: string; readonly keys?: readonly string[] }): string =>
    issue.code === "unrecognized_keys"
      ? `expected only ${expected}, got ${onOneLine(JSON.stringify(issue.keys?.[0]), true)}`
      : "expected an object";

/** `{"reason": "kernel upgrade"}`; nothing is an empty object. */
export const DrainRequest = jsonText(
  z.strictObject({ reason: Reason.exactOptional() }, { error: keysError("reason") }),
);
export type DrainRequest = Readonly<z.output<typeof DrainRequest>>;

const FOR = `forMs: expected a whole number from 1 to ${MAX_DURATION_MS}`;

/** `{"forMs": 600000, "reason": "disk swap"}` */
export const MaintenanceRequest = jsonText(
  z.strictObject(
    {
      forMs: z.int(FOR).min(1, FOR).max(MAX_DURATION_MS, FOR),
      reason: Reason.exactOptional(),
    },
    { error: keysError("forMs and reason") },
  ),
);
export type MaintenanceRequest = Readonly<z.output<typeof MaintenanceRequest>>;

/** Whether the change outlives a restart of the daemon, and if not, why. */
const Saved = z.discriminatedUnion("saved", [
  z.object({ saved: z.literal(true) }),
  z.object({ saved: z.literal(false), cause: z.string() }),
]);

/** The answer to `drain` and `maint`: what is in force now. */
export const DrainAnswer = z.intersection(Saved, DrainStatus.unwrap().extend({ stopping: z.boolean() }).readonly());
export type DrainAnswer = z.infer<typeof DrainAnswer>;

/** The answer to `undrain`: also what it has ended, which may be nothing. */
export const UndrainAnswer = z.intersection(DrainAnswer, z.object({ ended: DrainStatus }).readonly());
export type UndrainAnswer = z.infer<typeof UndrainAnswer>;

/** The answer with every status other than 200, except the report of a refused reload (422). */
export const ErrorAnswer = z.object({ error: z.string() }).readonly();
export type ErrorAnswer = z.infer<typeof ErrorAnswer>;
