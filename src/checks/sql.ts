// What the kinds postgres and mysql have in common: a query, asked once on a connection of
// its own, and what is expected of the first column of its first row.

import { formatAddress } from "../probing/network/address.ts";
import type { StreamOptions } from "../probing/network/stream.ts";
import type { Client } from "../probing/protocols/client-talk.ts";
import { type Failure, failed, type Outcome, type Probe } from "./check.ts";
import { type Pattern, pattern, takes, text } from "./keys/fields.ts";
import type { TlsSettings } from "./keys/tls.ts";
import { passwordForms, type ServiceUrl } from "./keys/url.ts";
import type { Conflict, ProbeContext, Zod } from "./kind.ts";

export const DEFAULT_QUERY = "SELECT 1";

/** A value that is longer is cut in a message. */
const LONGEST_SHOWN = 60;
const LONGEST_WORDS = 300;

export interface Question {
  readonly url: ServiceUrl;
  readonly query: string;
  readonly expect: Pattern | undefined;
  readonly password: string | undefined;
}

export interface Dialect {
  readonly adapter: "postgres" | "mysql";
  /** Where the URL names none; said always, since the client would look for one in the environment. */
  readonly database: (user: string) => string;
  /** Further options of the client. */
  readonly options: () => Promise<Readonly<Record<string, unknown>> | Failure>;
  readonly stream: Omit<StreamOptions, "patienceMs">;
  readonly farewell?: Uint8Array;
  readonly lastWords?: (closing: Uint8Array, peer: string) => Failure | undefined;
  /** What the client's error, or the server's, says; `opening` is what the server said first. */
  readonly explain: (error: unknown, peer: string, opening: Uint8Array) => Failure;
}

/** The keys beside the kind's own and `tls`. */
export const questionKeys = (z: Zod) => ({
  query: takes(z, text("a query"), "what to ask; it is run as it stands").prefault(DEFAULT_QUERY),
  expect: takes(z, pattern, "what the first column of the first row must hold").optional(),
  password: takes(z, text("a password"), "the password, instead of one in the URL").optional(),
});

export function loginConflict(
  kind: string,
  { url, password, tls }: Pick<Question, "url" | "password"> & { readonly tls: TlsSettings | undefined },
): Conflict | undefined {
  if (tls && url.address.family === "unix") return { path: ["tls"], expected: "no tls on a socket file", got: "both" };
  if (url.user === undefined) return { path: [kind], expected: "a URL with a user", got: "one without" };
  return passwordConflict({ url, password });
}

export const passwordConflict = ({ url, password }: Pick<Question, "url" | "password">): Conflict | undefined =>
  url.password !== undefined && password !== undefined
    ? { path: ["password"], expected: "no password beside the one in the URL", got: "both" }
    : undefined;

export const secretsOf = ({ url, password }: Pick<Question, "url" | "password">): readonly string[] => [
  ...url.secrets,
  ...(password === undefined ? [] : passwordForms(password)),
];

export function sqlProbe({ url, query, expect, password }: Question, dialect: Dialect, context: ProbeContext): Probe {
  const machinery = Promise.all([import("../probing/network/relay.ts"), import("../probing/protocols/client-talk.ts")]);
  const peer = formatAddress(url.address);
  const user = url.user ?? "";
  const once: Probe = async (signal) => {
    const [{ openRelay }, { talk }] = await machinery;
    const options = await dialect.options();
    if ("ok" in options) return options as Failure;
    const relay = await openRelay(url.address, { ...dialect.stream, patienceMs: context.timeoutMs / 2 }, signal);
    if ("ok" in relay) return relay;
    const make = (): Client => {
      let asking = false;
      const { door } = relay;
      const client = withoutEnvironment(
        () =>
          new Bun.SQL({
            adapter: dialect.adapter,
            ...(door.family === "tcp" ? { hostname: door.host, port: door.port } : { path: door.path }),
            username: user,
            // A function, for the client takes an empty text for none.
            password: () => password ?? url.password ?? "",
            database: url.path || dialect.database(user),
            max: 1,
            idleTimeout: 0,
            maxLifetime: 0,
            connectionTimeout: 0,
            tls: false,
            onconnect: () => {
              asking = true;
            },
            ...options,
          } as Bun.SQL.PostgresOrMySQLOptions),
      );
      const ask = () => client.unsafe(query).simple().raw();
      return {
        ask: () =>
          ask().then(
            (rows: unknown) => judge(rows, expect),
            (error: unknown) => dialect.explain(error, peer, relay.opening()),
          ),
        waitingFor: () => (asking ? "the answer to the query" : "the answer to the login"),
        hangUp: () => void client.close({ timeout: 0 }).catch(() => {}),
        lastWords: (closing) => dialect.lastWords?.(closing, peer),
        ...(dialect.farewell && { farewell: dialect.farewell }),
      };
    };
    return talk(relay, peer, make, signal);
  };
  return async (signal) => {
    const [, { onceThereIs }] = await machinery;
    return onceThereIs(peer, () => once(signal), signal);
  };
}

/** Of several statements the last counts. A row is a list of bytes, or of nothing where it is NULL. */
function judge(result: unknown, expect: Pattern | undefined): Outcome {
  if (!expect) return { ok: true };
  let rows: readonly unknown[] = Array.isArray(result) ? result : [];
  if (Array.isArray(rows[0]) && rows.every((one) => Array.isArray(one) && "command" in one)) {
    rows = rows.at(-1) as readonly unknown[];
  }
  const [row] = rows;
  const column: unknown = Array.isArray(row) ? row[0] : undefined;
  if (column === undefined) return failed("mismatch", "the query gave no row");
  const answer = column instanceof Uint8Array ? new TextDecoder().decode(column) : "";
  if (expect.matches(answer)) return { ok: true };
  return failed("mismatch", `the query gave ${column === null ? "NULL" : shown(answer)}, which is not as expected`);
}

export const shown = (answer: string): string =>
  JSON.stringify(answer.length > LONGEST_SHOWN ? `${answer.slice(0, LONGEST_SHOWN)}…` : answer);

/** The server's own words, on one line and within bounds. */
export function wordsOf(error: unknown): string {
  const words = (error instanceof Error ? error.message : String(error)).replaceAll(/[\s\p{C}]+/gu, " ").trim();
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}…` : words;
}

/** The client's own code, such as ERR_POSTGRES_CONNECTION_CLOSED, and the server's. */
export function codesOf(error: unknown): { readonly code: string; readonly server: string } {
  const { code, errno } = error instanceof Error ? (error as { code?: unknown; errno?: unknown }) : {};
  return { code: String(code ?? ""), server: errno ? String(errno) : "" };
}

/** Of a peer whose bytes the client could make nothing of; its own words are of no use to people. */
export const unreadable = (peer: string, server: string, code: string): Failure =>
  failed("mismatch", `what ${peer} answers cannot be read as ${server}'s protocol (${code})`);

/** What the client of the runtime would take for settings that were not given. */
const ENVIRONMENT = /^(PG|POSTGRES|MYSQL|MARIADB|DATABASE_URL|TLS_)/;

/**
 * Runs `make`, in which the client reads its settings, with none of them in the
 * environment. Nothing else can run meanwhile.
 */
function withoutEnvironment<T>(make: () => T): T {
  const hidden: [string, string | undefined][] = [];
  for (const name of Object.keys(process.env)) {
    if (!ENVIRONMENT.test(name)) continue;
    hidden.push([name, process.env[name]]);
    delete process.env[name];
  }
  try {
    return make();
  } finally {
    for (const [name, value] of hidden) process.env[name] = value;
  }
}
