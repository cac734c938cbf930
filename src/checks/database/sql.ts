// What the kinds postgres and mysql have in common: one query on a connection of its own, and the value that is expected
// in the first column of the first row.

import { type Pattern, pattern, text } from "../../fields/field.ts";
import { type Conflict, optional, withDefault } from "../../fields/keys.ts";
import { passwordForms, type ServiceUrl } from "../../fields/url.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, type Outcome } from "../../outcome.ts";
import type { Probe } from "../check.ts";
import type { ProbeContext } from "../kind.ts";
import type { QueryRequest, QueryResult } from "./driver.ts";

export const DEFAULT_QUERY = "SELECT 1";

/** A longer value is cut in a message. */
const VALUE_CHARACTERS = 60;

export interface SqlSettings {
  readonly url: ServiceUrl;
  readonly query: string;
  readonly expect?: Pattern | undefined;
  readonly column?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsSettings | undefined;
}

/** Logs in, runs the query and disconnects; never rejects for anything the server does. */
export type RunQuery = (request: QueryRequest, signal: AbortSignal) => Promise<QueryResult | Failure>;

/** The keys besides the kind's own and `tls`. */
export const queryKeys = {
  query: withDefault(text("a query"), "the query to run", DEFAULT_QUERY),
  expect: optional(pattern, "what the first row must contain, in its first column or in `column`"),
  column: optional(
    text("the name of a column, or its number from 1"),
    "the name of the column that `expect` checks, or its number from 1",
  ),
  password: optional(text("a password"), "the password, if it is not in the URL"),
};

export function queryConflict(kind: string, { url, password, tls, expect, column }: SqlSettings): Conflict | undefined {
  if (column !== undefined && !expect) {
    return { path: ["column"], expected: "the key expect as well", got: "column alone" };
  }
  if (column !== undefined && isNumber(column) && !/^0*[1-9]\d*$/.test(column)) {
    return { path: ["column"], expected: "a number from 1", got: column };
  }
  if (tls && url.address.family === "unix")
    return { path: ["tls"], expected: "no TLS with a socket file", got: "both" };
  if (url.user === undefined) return { path: [kind], expected: "a URL with a user", got: "a URL without a user" };
  return passwordConflict({ url, password });
}

const isNumber = (column: string): boolean => /^[+-]?\d+(?:\.\d*)?$/.test(column);

/** For an `expect` that is compared with a name in the first column, while the value is in another column. */
export const firstColumnWarning = (statement: string): string =>
  `expect checks the first column, but ${statement} returns the value in another column: set column to its name or its number`;

/** A query's last statement, whose result counts: in capitals, without comments, with single blanks. */
export const statementOf = (query: string): string =>
  query
    // A quoted text becomes an empty one, since it may contain a semicolon.
    .replaceAll(/'[^']*'|"[^"]*"|\/\*[\s\S]*?\*\/|(?:--(?=\s|$)|#).*/gm, (part) => (/^['"]/.test(part) ? "''" : " "))
    .split(";")
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim().toUpperCase())
    .filter((statement) => statement !== "")
    .at(-1) ?? "";

export const passwordConflict = ({ url, password }: Pick<SqlSettings, "url" | "password">): Conflict | undefined =>
  url.password !== undefined && password !== undefined
    ? { path: ["password"], expected: "one password", got: "one here and one in the URL" }
    : undefined;

export const secretsOf = ({ url, password }: Pick<SqlSettings, "url" | "password">): readonly string[] => [
  ...url.secrets,
  ...(password === undefined ? [] : passwordForms(password)),
];

/** `database` is used if the URL has none. */
export function sqlProbe(
  { url, query, expect, column, password, tls }: SqlSettings,
  database: string,
  runQuery: RunQuery,
  { timeoutMs, redact }: ProbeContext,
): Probe {
  const request: QueryRequest = {
    address: url.address,
    user: url.user ?? "",
    password: (password ?? url.password) || undefined,
    database: url.path || database,
    query,
    tls,
    maxWaitMs: timeoutMs / 2,
    redact: (text) => redact(text, "nowhere"),
  };
  return async ({ signal }) => {
    const result = await runQuery(request, signal);
    if ("ok" in result) return result;
    const outcome = judge(result, expect, column, redact);
    return outcome.ok && result.warning !== undefined ? { ...outcome, warning: result.warning } : outcome;
  };
}

function judge(
  { columns, row }: QueryResult,
  expect: Pattern | undefined,
  column: string | undefined,
  redact: ProbeContext["redact"],
): Outcome {
  if (!expect) return { ok: true };
  if (row === undefined) return failed("mismatch", "the query returned no row");
  const index = column === undefined ? 0 : indexOf(column, columns);
  const value = row[index];
  if (value === undefined) {
    const names = columns.map((name) => JSON.stringify(redact(name, "nowhere"))).join(", ");
    return failed("mismatch", `the query returned no column ${column}; its columns are ${names}`);
  }
  const answer = value === null ? "" : new TextDecoder().decode(value);
  if (expect.matches(answer)) return { ok: true };
  const given = value === null ? "NULL" : shown(answer, redact);
  return failed("mismatch", `the query returned ${given}, which does not match expect`);
}

/** A number counts from 1. A name is compared without case if none is equal. -1 if there is no such column. */
function indexOf(column: string, columns: readonly string[]): number {
  if (/^\d+$/.test(column)) return Number(column) - 1;
  const exact = columns.indexOf(column);
  if (exact >= 0) return exact;
  return columns.findIndex((name) => name.toLowerCase() === column.toLowerCase());
}

export function shown(answer: string, redact: ProbeContext["redact"]): string {
  const whole = redact(answer, "nowhere");
  return JSON.stringify(whole.length > VALUE_CHARACTERS ? `${whole.slice(0, VALUE_CHARACTERS)}…` : whole);
}
