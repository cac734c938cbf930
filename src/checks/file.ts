// file: passes when the target exists, is new enough and contains what is expected; with `absent`, when it does not exist.
//
// Symbolic links are followed. A file that cannot be looked up, as in another user's folder, does not count as absent.

import { absolutePath, type Field, flag, pattern } from "../fields/field.ts";
import { optional, required, withDefault } from "../fields/keys.ts";
import type { Content, Stat } from "../fs/filesystem-worker.ts";
import { explainUnusable, isMissing } from "../fs/missing.ts";
import { failed, type Outcome } from "../outcome.ts";
import { parseDuration, roundDuration } from "../text/duration.ts";
import { defineKind } from "./kind.ts";

/** How much of the start of the file `expect` sees. */
const CONTENT_BYTES = 64 * 1024;

/** How far the clock of a file server may be ahead of this host's. */
const CLOCK_SKEW_MS = 10_000;

const DAY_MS = 24 * 3_600_000;
/** Why a file may have a time in the future. */
const CLOCK_HINT = "a clock is or was wrong";

const MAX_AGE_MS = 3650 * DAY_MS;

/** A duration that may be days, as for a daily backup. */
export const age: Field<number> = {
  expected: "a duration such as 5m, 26h or 7d",
  json: { title: "duration", type: ["string", "number"], examples: ["5m", "26h", "7d"] },
  read(given) {
    const text = typeof given === "number" ? String(given) : given;
    if (typeof text !== "string") return {};
    const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
    const ageMs = days === undefined ? parseDuration(text) : Number(days) * DAY_MS;
    if (ageMs === undefined) return {};
    if (ageMs <= 0) return { expected: "a duration above zero" };
    return ageMs <= MAX_AGE_MS ? { value: ageMs } : { expected: "at most 3650d" };
  },
};

function describeAge(ageMs: number): string {
  const shown = roundDuration(Math.floor(Math.abs(ageMs) / 1000) * 1000);
  if (ageMs < -CLOCK_SKEW_MS) return `last changed ${shown} in the future`;
  return `last changed ${ageMs < 0 ? "0s" : shown} ago`;
}

export const file = defineKind({
  name: "file",
  value: "PATH",
  rule: "the file exists, is not older than max-age and matches expect; with absent, when it does not exist",
  example: "file: /run/app.ready",
  aliases: ["path"],
  keys: {
    file: required(absolutePath, "the path of a file or folder; symbolic links are followed"),
    absent: withDefault(flag, "pass only when the path does not exist", false),
    "max-age": optional(age, "the longest time since the last change"),
    expect: optional(pattern, "what the first 64 KiB of the file must contain"),
  },
  texts: { file: "file" },
  conflict({ absent, "max-age": maxAge, expect }) {
    if (!absent || (maxAge === undefined && expect === undefined)) return undefined;
    const key = maxAge === undefined ? "expect" : "max-age";
    return { path: [key], expected: `either absent or ${key}`, got: "both" };
  },
  target: ({ file }) => file,
  files: ({ file, expect }) => [{ path: file, isRead: expect !== undefined, mayBeMissing: true }],
  async probe({ file: path, absent, "max-age": maxAge, expect }) {
    const { askFileSystem } = await import("../fs/filesystem.ts");
    const judge = (found: Stat & Partial<Content>): Outcome => {
      if (absent) return failed("missing", `${path} exists`);
      const ageMs = Date.now() - found.changedAt;
      if (maxAge !== undefined && ageMs > maxAge) {
        const limit = roundDuration(maxAge);
        return failed("expired", `${path} was last changed ${roundDuration(ageMs)} ago, expected at most ${limit}`);
      }
      const isAhead = maxAge !== undefined && ageMs < -CLOCK_SKEW_MS;
      const ahead = `${path} was last changed ${roundDuration(-ageMs)} in the future`;
      if (isAhead && -ageMs > maxAge) {
        return failed("mismatch", `${ahead}, expected at most ${roundDuration(maxAge)} ago; ${CLOCK_HINT}`);
      }
      const up: Outcome = isAhead
        ? { ok: true, warning: `${ahead}; ${CLOCK_HINT}` }
        : { ok: true, detail: describeAge(ageMs) };
      if (expect === undefined) return up;
      if (found.text === undefined) return failed("mismatch", `${path} is a ${found.type}, expected a regular file`);
      if (expect.matches(found.text)) return up;
      const where = found.cut ? ` in its first ${CONTENT_BYTES} bytes` : "";
      return failed("mismatch", `${path} does not match expect${where}`);
    };
    return async ({ signal }) => {
      const answer = expect
        ? await askFileSystem({ ask: "read", path, limitBytes: CONTENT_BYTES }, signal)
        : await askFileSystem({ ask: "stat", path }, signal);
      if (answer.ok) return judge(answer.value);
      if (answer.code === undefined) return answer;
      return absent && isMissing(answer.code) ? { ok: true } : explainUnusable(path, answer.code, signal);
    };
  },
});
