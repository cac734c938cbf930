// One query to PostgreSQL or a compatible server, by the driver `postgres` over our stream.
//
// A guard inspects each message of the server before the driver gets it. An error ends the run at once, whatever the driver
// would do with it. What the driver cannot handle never reaches it: another protocol, an unknown login, endless SCRAM.

import postgres from "postgres";
import { formatAddress } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import {
  Completion,
  DriverSocket,
  feed,
  type Guard,
  LIMIT_BYTES,
  type QueryRequest,
  type QueryResult,
  serverText,
  unreadableAnswer,
} from "./driver.ts";

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);
const TERMINATE = Uint8Array.of(0x58, 0, 0, 0, 4);

/** Never rejects for anything the server does. */
export async function queryPostgres(request: QueryRequest, signal: AbortSignal): Promise<QueryResult | Failure> {
  const { address, tls, maxWaitMs } = request;
  const stream = await openStream(address, { maxWaitMs, tls, beforeTls: requestTls }, signal);
  if (isFailure(stream)) return stream;
  const peer = formatAddress(address);
  const guard = new PostgresGuard(peer, request);
  const socket = new DriverSocket();
  const completion = new Completion<Result | Failure>();
  const query = postgres(settingsFor(request, socket, guard))
    .unsafe(request.query)
    .simple()
    .raw();
  query.then(
    (result) => completion.complete(result as unknown as Result),
    (error: unknown) => completion.complete(explainDriver(error, peer)),
  );
  const result = await feed(stream, socket, guard, peer, completion);
  // During a login the server would log it as an unexpected message.
  if (guard.isLoggedIn && !signal.aborted) stream.write(TERMINATE);
  stream.close();
  if (isFailure(result)) return result;
  const last = (result.length > 0 && "columns" in (result[0] as object) ? result.at(-1) : result) as Result;
  const columns = (guard.lastHasRows && last.columns) || [];
  return {
    columns: columns.map(({ name }) => name),
    row: guard.lastHasRows ? (last[0] as QueryResult["row"]) : undefined,
    warning: stream.warning,
  };
}

/** A list of rows; with several statements, a list of such lists. */
interface Result extends ReadonlyArray<unknown> {
  readonly columns?: readonly { readonly name: string }[];
}

/**
 * The driver's settings in its own internal form. With `shared` it uses them as they are; it would fill gaps in any others
 * from the environment (PGTARGETSESSIONATTRS and its like).
 */
function settingsFor(
  { address, user, password = "", database }: QueryRequest,
  socket: DriverSocket,
  guard: PostgresGuard,
) {
  const settings = {
    shared: { retries: 0, typeArrayMap: {} },
    // For the driver's messages, which are not shown.
    host: [formatAddress(address)],
    port: [0],
    user,
    database,
    pass: () => (guard.wantsScram ? saslPrepare(password) : password),
    connection: { application_name: "health-checker" },
    socket: () => socket,
    max: 1,
    max_pipeline: 1,
    ssl: false,
    idle_timeout: 0,
    connect_timeout: 0,
    max_lifetime: 0,
    keep_alive: 0,
    backoff: 0,
    prepare: false,
    debug: false,
    fetch_types: false,
    no_subscribe: true,
    types: {},
    parsers: {},
    serializers: {},
    parameters: {},
    transform: { undefined: undefined, column: {}, value: {}, row: {} },
    // By default the driver prints them.
    onnotice: () => {},
  };
  return settings as unknown as postgres.Options<Record<string, never>>;
}

/** The answer is one byte, S or N. Another program in between must have sent any more. */
async function requestTls(plain: Stream): Promise<Failure | undefined> {
  plain.write(SSL_REQUEST);
  const answer = await plain.read("the answer to the request for TLS");
  if (answer === undefined) return failed("closed", "the server closed the connection after the request for TLS");
  if ("ok" in answer) return answer;
  if (answer.byteLength === 1 && answer[0] === 0x53) return undefined;
  return answer[0] === 0x4e
    ? failed("tls", "the server does not support TLS (ssl = off)")
    : failed("tls", "the server is not PostgreSQL, or does not support TLS");
}

/** The types of messages that a server may send during a login, and during a simple query. */
const AT_LOGIN = "RESKZN";
const AT_QUERY = "TDCIESZNAGHW";
const HEADER_BYTES = 5;

const AUTHENTICATION = { ok: 0, cleartext: 3, md5: 5, gss: 7, sspi: 9, sasl: 10, saslContinue: 11, saslFinal: 12 };

/** The driver computes them without a pause: 100,000 take some 50 ms. PostgreSQL's default is 4,096. */
const MAX_SCRAM_ITERATIONS = 100_000;

class PostgresGuard implements Guard {
  isLoggedIn = false;
  wantsScram = false;
  /** Whether the last statement returned a table, perhaps an empty one. */
  lastHasRows = false;
  readonly #peer: string;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #pending: Buffer = Buffer.alloc(0);
  #isServerVerified = false;
  #hasColumns = false;

  constructor(peer: string, { redact, password }: QueryRequest) {
    this.#peer = peer;
    this.#redact = redact;
    this.#hasPassword = password !== undefined;
  }

  waitingFor(): string {
    return this.isLoggedIn ? "the answer to the query" : "the answer to the login";
  }

  inspect(piece: Uint8Array): Failure | undefined {
    this.#pending = Buffer.concat([this.#pending, piece]);
    while (this.#pending.byteLength > 0) {
      const type = this.#pending.toString("latin1", 0, 1);
      if (!(this.isLoggedIn ? AT_QUERY : AT_LOGIN).includes(type)) return this.#unreadable();
      if (this.#pending.byteLength < HEADER_BYTES) return undefined;
      // The length includes itself and not the type.
      const end = 1 + this.#pending.readUInt32BE(1);
      if (end < HEADER_BYTES || (end > LIMIT_BYTES && !this.isLoggedIn)) return this.#unreadable();
      if (this.#pending.byteLength < end) return undefined;
      const failure = this.#inspectMessage(type, this.#pending.subarray(HEADER_BYTES, end));
      if (failure) return failure;
      this.#pending = this.#pending.subarray(end);
    }
    return undefined;
  }

  #unreadable(): Failure {
    return unreadableAnswer(this.#peer, "PostgreSQL");
  }

  #inspectMessage(type: string, body: Buffer): Failure | undefined {
    switch (type) {
      case "R":
        return body.byteLength < 4 ? this.#unreadable() : this.#inspectLogin(body.readUInt32BE(0), body.subarray(4));
      case "E":
        return this.#error(body);
      case "Z":
        this.isLoggedIn = true;
        return undefined;
      case "T":
        this.#hasColumns = true;
        return describesColumns(body) ? undefined : this.#unreadable();
      case "C":
        this.lastHasRows = this.#hasColumns;
        this.#hasColumns = false;
        return undefined;
      case "G":
      case "H":
      case "W":
        return failed("mismatch", "the query is a COPY, which returns no row; use SELECT");
      default:
        return undefined;
    }
  }

  #inspectLogin(type: number, body: Buffer): Failure | undefined {
    switch (type) {
      case AUTHENTICATION.ok:
        if (this.wantsScram && !this.#isServerVerified)
          return failed("auth", `${this.#peer} did not prove its identity`);
        return undefined;
      case AUTHENTICATION.cleartext:
        return this.#requirePassword("in clear text");
      case AUTHENTICATION.md5:
        return this.#requirePassword("MD5");
      case AUTHENTICATION.gss:
      case AUTHENTICATION.sspi:
        return this.#unsupportedLogin("Kerberos (gss or sspi)");
      case AUTHENTICATION.sasl: {
        this.wantsScram = true;
        const mechanisms = body.toString("latin1").split("\0").filter(Boolean);
        return mechanisms.includes("SCRAM-SHA-256")
          ? this.#requirePassword("SCRAM-SHA-256")
          : this.#unsupportedLogin(serverText(mechanisms.join(", "), this.#redact));
      }
      case AUTHENTICATION.saslContinue: {
        const [, iterations = ""] = /^r=[^,]+,s=[A-Za-z0-9+/=]+,i=(\d{1,10})(,|$)/.exec(body.toString("latin1")) ?? [];
        if (Number(iterations) < 1) return this.#unreadable();
        if (Number(iterations) <= MAX_SCRAM_ITERATIONS) return undefined;
        return failed(
          "auth",
          `the login requires ${iterations} SCRAM iterations, and health-checker supports at most ${MAX_SCRAM_ITERATIONS}: lower scram_iterations and set the password again`,
        );
      }
      case AUTHENTICATION.saslFinal:
        this.#isServerVerified = true;
        return undefined;
      default:
        return this.#unsupportedLogin(`method ${type}`);
    }
  }

  /** Without a password the login would fail, and servers count failed logins. */
  #requirePassword(method: string): Failure | undefined {
    if (this.#hasPassword) return undefined;
    return failed("auth", `${this.#peer} requires a password (${method}): set password`);
  }

  #unsupportedLogin(method: string): Failure {
    return failed(
      "auth",
      `${this.#peer} requires a login by ${method}, which health-checker does not support: set scram-sha-256, md5 or trust for this user in pg_hba.conf`,
    );
  }

  #error(body: Buffer): Failure {
    const fields = body.toString("utf8").split("\0");
    const field = (type: string) => fields.find((one) => one.startsWith(type))?.slice(1) ?? "";
    return explainServer(field("C"), serverText(field("M"), this.#redact), this.#peer, this.isLoggedIn);
  }
}

/** By the SQLSTATE, whole or its class. */
function explainServer(state: string, words: string, peer: string, isLoggedIn: boolean): Failure {
  const text = `${words} (${state})`;
  const notReady = failed("not-ready", `${peer} reports: ${text}`);
  // 42501: a right is missing.
  if (state.startsWith("28") || state === "42501") return failed("auth", text);
  if (state === "3D000") return failed("missing", text);
  // Supavisor uses one state for all its refusals.
  if (state === "XX000" && /tenant or user not found/i.test(words)) return failed("auth", text);
  if (state === "XX000" && /\bmax\b.*\b(clients?|connections)\b/i.test(words)) return notReady;
  if (state.startsWith("08")) return explainPooler() ?? notReady;
  // Too few resources (53), an operator (57P), the system, such as its disk (58), a database that accepts no connections (55).
  // Not 57014: a query was cancelled.
  if (/^(53|57P|58)/.test(state) || (state.startsWith("55") && !isLoggedIn)) return notReady;
  return failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${text}`);

  /** PgBouncer reports all its refusals as a violation of the protocol (08P01). */
  function explainPooler(): Failure | undefined {
    if (/no such database|database .* does not exist/i.test(words)) return failed("missing", text);
    if (/no such user|auth\w* failed|password|not allowed/i.test(words)) return failed("auth", text);
    if (/\b(SSL|TLS) (is )?required/i.test(words)) return failed("tls", `${text}; set tls: true`);
    return /unsupported|syntax|protocol/i.test(words)
      ? failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${text}`)
      : undefined;
  }
}

/** Each column is a name that ends in a zero, and 18 bytes. Without that zero the driver would search for ever. */
function describesColumns(body: Buffer): boolean {
  if (body.byteLength < 2) return false;
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const zero = body.indexOf(0, at);
    if (zero < 0) return false;
    at = zero + 19;
  }
  return at === body.byteLength;
}

function explainDriver(error: unknown, peer: string): Failure {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "SASL_SIGNATURE_MISMATCH") return failed("auth", `${peer} could not prove that it knows the password`);
  return unreadableAnswer(peer, "PostgreSQL");
}

/** RFC 4013, as far as it changes real passwords: PostgreSQL applies it to the passwords that it stores. */
function saslPrepare(password: string): string {
  const prepared = password
    .replaceAll(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " ")
    .replaceAll(/\u00ad|\u034f|\u1806|\p{Variation_Selector}|\u200b|\u200c|\u200d|\u2060|\ufeff/gu, "")
    .normalize("NFKC");
  // With a character that RFC 4013 forbids the password is used as it is.
  return prepared === "" || /[\p{Cc}\p{Co}\p{Cs}\u200e\u200f\u2028-\u202e\ufff9-\ufffd]/u.test(prepared)
    ? password
    : prepared;
}
