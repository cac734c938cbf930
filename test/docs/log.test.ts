// docs/log.md has each message that the daemon logs, with its level, its fields and what to do, and no other message. The
// runbook names only messages that exist.

import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Reason } from "../../src/outcome.ts";
import { ROOT } from "../support/binary.ts";
import { findLogCalls, type LogCall } from "../support/log-calls.ts";

const page = (name: string): Promise<string> => Bun.file(join(ROOT, "docs", name)).text();
const [LOG, RUNBOOK, REFUSED] = await Promise.all([
  page("log.md"),
  page("runbook.md"),
  Bun.file(join(ROOT, "src/listeners/refused.ts")).text(),
]);

interface Row {
  readonly level: string;
  readonly message: string;
  readonly fields: readonly string[];
  readonly action: string;
}

/** Fields that the types of a call do not show: their names are computed, or another function adds them. */
const COMPUTED = ["up-for", "down-for", "for"];

/** The messages of requests that are refused; event-log.ts gets each as a parameter. */
const refusals = [...REFUSED.matchAll(/refused\("\w+", "([^"]+)"\)/g)].map(([, what]) => `request refused: ${what}`);
const rows = rowsOf(LOG);
let calls: readonly LogCall[] = [];
let constant: readonly LogCall[] = [];

beforeAll(async () => {
  calls = await findLogCalls();
  constant = calls.filter(({ message }) => message !== undefined);
}, 60_000);

test("docs/log.md lists each message of the log once, and no other", () => {
  const logged = new Set([...constant.map(({ message = "" }) => message), ...refusals]);
  expect(rows.map(({ message }) => message).sort()).toEqual([...logged].sort());
});

test("a message that is no constant is one that was passed on", () => {
  const passedOn = calls.filter(({ message }) => message === undefined).map(({ file, callee }) => `${file} ${callee}`);
  expect(passedOn).toEqual([
    "src/daemon/event-log.ts log[level]",
    "src/daemon/event-log.ts log.warning",
    "src/drain/drain.ts this.#options.log.warning",
  ]);
  expect(refusals).toHaveLength(REFUSED.split("refused(").length - 1);
});

test("each message has the level that docs/log.md says, and something to do", () => {
  for (const { level, message, action } of rows) {
    const levels = constant.filter((call) => call.message === message).flatMap((call) => call.levels);
    const isLogged = levels.length === 0 || levels.includes(level.toLowerCase());
    expect({ message, level, levels, isLogged, hasAction: action !== "" }).toMatchObject({
      isLogged: true,
      hasAction: true,
    });
  }
});

test("each message has the fields that docs/log.md says", () => {
  for (const { message, fields } of rows) {
    const of = constant.filter((call) => call.message === message);
    if (of.some(({ hasOtherFields }) => hasOtherFields) || of.length === 0) continue;
    const seen = (names: readonly string[]) => [...new Set(names)].filter((name) => !COMPUTED.includes(name)).sort();
    expect({ message, fields: seen(fields) }).toEqual({ message, fields: seen(of.flatMap((call) => call.fields)) });
  }
});

test("each reason of a failure has a row in docs/log.md", () => {
  const reasons: Readonly<Record<Reason, true>> = {
    timeout: true,
    deadline: true,
    refused: true,
    unreachable: true,
    resolve: true,
    tls: true,
    closed: true,
    mismatch: true,
    auth: true,
    "not-ready": true,
    expired: true,
    missing: true,
    low: true,
    exit: true,
    signal: true,
    spawn: true,
    stuck: true,
    stale: true,
    resource: true,
    internal: true,
  };
  const [, table = ""] = LOG.split("## Reasons");
  const listed = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, reason]) => reason);
  expect(listed).toEqual(Object.keys(reasons));
});

test("the runbook names messages that exist", () => {
  const known = [...rows.map(({ message }) => message), "request refused: ", "internal error", "reason=resource"];
  const named = logLinesOf(RUNBOOK);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !known.some((message) => isShort(name, message)))).toEqual([]);
});

function rowsOf(text: string): readonly Row[] {
  const read: Row[] = [];
  for (const line of text.split("\n")) {
    const [, level = "", message = "", , fields = "", action = ""] = cellsOf(line);
    if (!/^(INFO|WARNING|ERROR|DEBUG)$/.test(level)) continue;
    const above = fields.startsWith("as above") ? (read.at(-1)?.fields ?? []) : [];
    read.push({ level, message: message.replaceAll("`", ""), fields: [...above, ...namesIn(fields)], action });
  }
  return read;
}

function cellsOf(line: string): readonly string[] {
  return line.split(/(?<!\\)\|/).map((cell) => cell.trim());
}

/** What is in backticks, without values: `by`: `undrain` or `time`; `severity` if it is not `critical`. */
function namesIn(cell: string): readonly string[] {
  const names = cell.replace(/: `[^`]+`(?: or `[^`]+`)*/g, "").matchAll(/`([^`]+)`/g);
  return [...names].flatMap(([, name = ""]) => (["critical", "validate"].includes(name) ? [] : [name]));
}

/** What the tables have in the column that is headed so. */
function logLinesOf(text: string): readonly string[] {
  return text.split("\n\n").flatMap((part) => {
    const [head = "", , ...lines] = part.split("\n");
    const column = cellsOf(head).findIndex((cell) => cell.startsWith("log line"));
    const cells = column < 0 ? [] : lines.map((line) => cellsOf(line)[column] ?? "");
    return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));
  });
}

/** Whether the runbook may shorten `message` so. */
function isShort(name: string, message: string): boolean {
  return name === message || (name.endsWith("…") && message.startsWith(name.slice(0, -1).trimEnd()));
}
