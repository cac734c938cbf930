// postgres: passes when the server lets the user in and answers the query, and, with
// `expect`, when the first column of the first row is as expected. Nothing is tried again.

import type { Stream } from "../probing/network/stream.ts";
import { type Failure, failed } from "./check.ts";
import { takes } from "./keys/fields.ts";
import { pathsOfTls, type TlsSettings, tls } from "./keys/tls.ts";
import { type ServiceUrl, serviceUrl } from "./keys/url.ts";
import { defineKind } from "./kind.ts";
import { codesOf, type Dialect, loginConflict, questionKeys, secretsOf, sqlProbe, unreadable, wordsOf } from "./sql.ts";

const url = serviceUrl({
  protocols: ["postgres", "postgresql"],
  port: 5432,
  example: "postgres://user@127.0.0.1:5432/database",
  parameters: { sslmode: ["disable", "require", "verify-full"] },
  socketIn: (folder, port) => `${folder}/.s.PGSQL.${port}`,
});

export const postgres = defineKind({
  name: "postgres",
  value: "URL",
  rule: "PostgreSQL lets the user in and answers the query as expected",
  shape: (z) => ({
    postgres: takes(z, url, "the server, the user and the database; host=/FOLDER or socket=/PATH for a socket file"),
    ...questionKeys(z),
    tls: tls(z).optional(),
  }),
  conflict: ({ postgres, tls, password }) => {
    const conflict = loginConflict("postgres", { url: postgres, password, tls });
    if (conflict || !tls || postgres.parameters["sslmode"] === undefined) return conflict;
    return { path: ["tls"], expected: "either tls or sslmode in the URL", got: "both" };
  },
  target: ({ postgres: { shown } }) => shown,
  peer: ({ postgres: { address } }) => address,
  paths: ({ tls }) => pathsOfTls(tls),
  secrets: ({ postgres, password }) => secretsOf({ url: postgres, password }),
  probe: ({ postgres, query, expect, password, tls }, context) =>
    sqlProbe({ url: postgres, query, expect, password }, dialect(tls ?? tlsOf(postgres)), context),
});

/** As libpq means it. */
function tlsOf({ parameters, address }: ServiceUrl): TlsSettings | undefined {
  const mode = parameters["sslmode"] ?? "disable";
  if (mode === "disable" || address.family === "unix") return undefined;
  return { verify: mode === "verify-full", ca: undefined, "server-name": undefined };
}

function dialect(tls: TlsSettings | undefined): Dialect {
  return {
    adapter: "postgres",
    database: (user) => user,
    options: async () => ({ connection: { application_name: "health-checker" } }),
    stream: { tls, beforeTls: requestTls },
    farewell: TERMINATE,
    lastWords,
    explain: (error, peer) => {
      const { code, server } = codesOf(error);
      return server === "" ? explainClient(code, peer, wordsOf(error)) : explainServer(server, peer, wordsOf(error));
    },
  };
}

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);
const TERMINATE = Uint8Array.of(0x58, 0, 0, 0, 4);

/** One byte, S or N; more would have been said by somebody in between. */
async function requestTls(plain: Stream): Promise<Failure | undefined> {
  plain.write(SSL_REQUEST);
  const answer = await plain.read("the answer to the request for TLS");
  if (answer === undefined) return failed("closed", "the server closed the connection when asked for TLS");
  if ("ok" in answer) return answer;
  if (answer.byteLength === 1 && answer[0] === 0x53) return undefined;
  return answer[0] === 0x4e
    ? failed("tls", "the server speaks no TLS (ssl = off)")
    : failed("tls", "what answers is not PostgreSQL, or speaks no TLS");
}

/** An error that ends the connection while a query runs: the client may go on waiting for the query's end. */
function lastWords(closing: Uint8Array, peer: string): Failure | undefined {
  const view = new DataView(closing.buffer, closing.byteOffset, closing.byteLength);
  // A message is its type, its length without the type, and its content.
  for (let at = 0; at + 5 <= closing.byteLength; at += 1 + Math.max(4, view.getUint32(at + 1))) {
    if (closing[at] !== ERROR_RESPONSE) continue;
    const end = at + 1 + view.getUint32(at + 1);
    const fields = new TextDecoder().decode(closing.subarray(at + 5, end)).split("\0");
    const field = (type: string) => fields.find((one) => one.startsWith(type))?.slice(1);
    return explainServer(field("C") ?? "", peer, wordsOf(field("M") ?? ""));
  }
  return undefined;
}

const ERROR_RESPONSE = 0x45;

/** SQLSTATE, whole or by its class. */
function explainServer(state: string, peer: string, words: string): Failure {
  const said = `${words} (${state})`;
  if (state.startsWith("28")) return failed("auth", said);
  if (state === "3D000") return failed("missing", said);
  // Connections (08, as PgBouncer has it), resources (53), operators (57P); not 57014, a query that was cancelled.
  if (/^(08|53|57P)/.test(state)) return failed("not-ready", `${peer} says: ${said}`);
  return failed("mismatch", `the query failed: ${said}`);
}

function explainClient(code: string, peer: string, words: string): Failure {
  if (/CLOSED|CONNECTION_FAILED|REFUSED/.test(code)) {
    return failed("closed", `${peer} closed the connection before it had answered`);
  }
  if (/AUTHENTICATION|PASSWORD|SASL|SIGNATURE/.test(code)) return failed("auth", `${words} (${code})`);
  if (/(INVALID|UNEXPECTED)_MESSAGE/.test(code)) return unreadable(peer, "PostgreSQL", code);
  return failed("mismatch", `${words} (${code})`);
}
