// One query to PostgreSQL, or to what speaks like it, by the driver `postgres` over our stream.
//
// Each message of the server is looked at before the driver has it: an error is an answer
// at once, whatever the driver would make of it, and what the driver cannot take (another
// protocol, a login it does not know, SCRAM without end) never reaches it.

import postgres from "postgres";
import { formatAddress } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import {
  type Answer,
  DriverSocket,
  Ending,
  feed,
  type Guard,
  LIMIT_BYTES,
  type Question,
  unreadable,
  wordsOf,
} from "./driver.ts";

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);
const TERMINATE = Uint8Array.of(0x58, 0, 0, 0, 4);

/** Never rejects for anything the server does. */
export async function askPostgres(question: Question, signal: AbortSignal): Promise<Answer | Failure> {
  const { address, tls, maxWaitMs } = question;
  const stream = await openStream(address, { maxWaitMs, tls, beforeTls: requestTls }, signal);
  if (isFailure(stream)) return stream;
  const peer = formatAddress(address);
  const guard = new PostgresGuard(peer, question);
  const socket = new DriverSocket();
  const ending = new Ending<Result | Failure>();
  const query = postgres(settingsFor(question, socket, guard))
    .unsafe(question.query)
    .simple()
    .raw();
  query.then(
    (result) => ending.complete(result as unknown as Result),
    (error: unknown) => ending.complete(explainDriver(error, peer)),
  );
  const result = await feed(stream, socket, guard, peer, ending);
  // Amid a login the server would log it as a message that it did not expect.
  if (guard.isLoggedIn && !signal.aborted) stream.write(TERMINATE);
  stream.close();
  if (isFailure(result)) return result;
  const last = (result.length > 0 && "columns" in (result[0] as object) ? result.at(-1) : result) as Result;
  const columns = (guard.lastHasRows && last.columns) || [];
  return {
    columns: columns.map(({ name }) => name),
    row: guard.lastHasRows ? (last[0] as Answer["row"]) : undefined,
    warning: stream.warning,
  };
}

/** A list of rows, or of such lists where there were several statements. */
interface Result extends ReadonlyArray<unknown> {
  readonly columns?: readonly { readonly name: string }[];
}

/**
 * All that the driver keeps of its settings. Given so (`shared`), it takes them as they are: from any
 * others it would go on to fill gaps from the environment (PGTARGETSESSIONATTRS and its like).
 */
function settingsFor({ address, user, password = "", database }: Question, socket: DriverSocket, guard: PostgresGuard) {
  const settings = {
    shared: { retries: 0, typeArrayMap: {} },
    // For its own messages, which are not shown.
    host: [formatAddress(address)],
    port: [0],
    user,
    database,
    pass: () => (guard.wantsScram ? saslPrepared(password) : password),
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
    // By itself it would print them.
    onnotice: () => {},
  };
  return settings as unknown as postgres.Options<Record<string, never>>;
}

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

/** The messages of a login, and of a simple query beside them, by their letters. */
const AT_LOGIN = "RESKZN";
const AT_QUERY = "TDCIESZNAGHW";
const HEADER_BYTES = 5;

const AUTHENTICATION = { ok: 0, cleartext: 3, md5: 5, gss: 7, sspi: 9, sasl: 10, saslContinue: 11, saslFinal: 12 };

/** The driver works them out in one go: 100,000 take some 50 ms. PostgreSQL's default is 4,096. */
const MOST_SCRAM_ITERATIONS = 100_000;

class PostgresGuard implements Guard {
  isLoggedIn = false;
  wantsScram = false;
  /** Whether the last statement gave rows, be they none. */
  lastHasRows = false;
  readonly #peer: string;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #pending: Buffer = Buffer.alloc(0);
  #proven = false;
  #columnsCame = false;

  constructor(peer: string, { redact, password }: Question) {
    this.#peer = peer;
    this.#redact = redact;
    this.#hasPassword = password !== undefined;
  }

  waitingFor(): string {
    return this.isLoggedIn ? "the answer to the query" : "the answer to the login";
  }

  look(piece: Uint8Array): Failure | undefined {
    this.#pending = Buffer.concat([this.#pending, piece]);
    while (this.#pending.byteLength > 0) {
      const type = this.#pending.toString("latin1", 0, 1);
      if (!(this.isLoggedIn ? AT_QUERY : AT_LOGIN).includes(type)) return this.#unreadable();
      if (this.#pending.byteLength < HEADER_BYTES) return undefined;
      // Its length counts itself and not the type.
      const end = 1 + this.#pending.readUInt32BE(1);
      if (end < HEADER_BYTES || (end > LIMIT_BYTES && !this.isLoggedIn)) return this.#unreadable();
      if (this.#pending.byteLength < end) return undefined;
      const failure = this.#message(type, this.#pending.subarray(HEADER_BYTES, end));
      if (failure) return failure;
      this.#pending = this.#pending.subarray(end);
    }
    return undefined;
  }

  #unreadable(): Failure {
    return unreadable(this.#peer, "PostgreSQL");
  }

  #message(type: string, body: Buffer): Failure | undefined {
    switch (type) {
      case "R":
        return body.byteLength < 4 ? this.#unreadable() : this.#authentication(body.readUInt32BE(0), body.subarray(4));
      case "E":
        return this.#error(body);
      case "Z":
        this.isLoggedIn = true;
        return undefined;
      case "T":
        this.#columnsCame = true;
        return describesColumns(body) ? undefined : this.#unreadable();
      case "C":
        this.lastHasRows = this.#columnsCame;
        this.#columnsCame = false;
        return undefined;
      case "G":
      case "H":
      case "W":
        return failed("mismatch", "the query is a COPY, which gives no row; ask with SELECT");
      default:
        return undefined;
    }
  }

  #authentication(type: number, body: Buffer): Failure | undefined {
    switch (type) {
      case AUTHENTICATION.ok:
        if (this.wantsScram && !this.#proven) return failed("auth", `${this.#peer} has not proven who it is`);
        return undefined;
      case AUTHENTICATION.cleartext:
        return this.#lacksPassword("in clear");
      case AUTHENTICATION.md5:
        return this.#lacksPassword("MD5");
      case AUTHENTICATION.gss:
      case AUTHENTICATION.sspi:
        return this.#unspoken("Kerberos (gss or sspi)");
      case AUTHENTICATION.sasl: {
        this.wantsScram = true;
        const mechanisms = body.toString("latin1").split("\0").filter(Boolean);
        return mechanisms.includes("SCRAM-SHA-256")
          ? this.#lacksPassword("SCRAM-SHA-256")
          : this.#unspoken(wordsOf(mechanisms.join(", "), this.#redact));
      }
      case AUTHENTICATION.saslContinue: {
        const [, iterations = ""] = /^r=[^,]+,s=[A-Za-z0-9+/=]+,i=(\d{1,10})(,|$)/.exec(body.toString("latin1")) ?? [];
        if (Number(iterations) < 1) return this.#unreadable();
        if (Number(iterations) <= MOST_SCRAM_ITERATIONS) return undefined;
        return failed(
          "auth",
          `the login wants ${iterations} iterations of SCRAM, of which health-checker does at most ${MOST_SCRAM_ITERATIONS}: set scram_iterations lower and the password again`,
        );
      }
      case AUTHENTICATION.saslFinal:
        this.#proven = true;
        return undefined;
      default:
        return this.#unspoken(`method ${type}`);
    }
  }

  /** An empty one would be a failed login, which servers count. */
  #lacksPassword(method: string): Failure | undefined {
    if (this.#hasPassword) return undefined;
    return failed("auth", `${this.#peer} wants a password (${method}): set password`);
  }

  #unspoken(method: string): Failure {
    return failed(
      "auth",
      `${this.#peer} wants a login by ${method}, which health-checker does not speak: give this user scram-sha-256, md5 or trust in pg_hba.conf`,
    );
  }

  #error(body: Buffer): Failure {
    const fields = body.toString("utf8").split("\0");
    const field = (type: string) => fields.find((one) => one.startsWith(type))?.slice(1) ?? "";
    return explainServer(field("C"), wordsOf(field("M"), this.#redact), this.#peer, this.isLoggedIn);
  }
}

/** SQLSTATE, whole or by its class. */
function explainServer(state: string, words: string, peer: string, isLoggedIn: boolean): Failure {
  const said = `${words} (${state})`;
  const notReady = failed("not-ready", `${peer} says: ${said}`);
  // 42501: a right is missing.
  if (state.startsWith("28") || state === "42501") return failed("auth", said);
  if (state === "3D000") return failed("missing", said);
  // Supavisor has one state for whatever it refuses.
  if (state === "XX000" && /tenant or user not found/i.test(words)) return failed("auth", said);
  if (state === "XX000" && /\bmax\b.*\b(clients?|connections)\b/i.test(words)) return notReady;
  if (state.startsWith("08")) return explainPooler(words) ?? notReady;
  // Resources (53), operators (57P), the disk and its like (58), a database that takes no connections (55); not 57014, a query that was cancelled.
  if (/^(53|57P|58)/.test(state) || (state.startsWith("55") && !isLoggedIn)) return notReady;
  return failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${said}`);

  /** PgBouncer calls whatever it refuses a violation of the protocol (08P01). */
  function explainPooler(text: string): Failure | undefined {
    if (/no such database|database .* does not exist/i.test(text)) return failed("missing", said);
    if (/no such user|auth\w* failed|password|not allowed/i.test(text)) return failed("auth", said);
    if (/\b(SSL|TLS) (is )?required/i.test(text)) return failed("tls", `${said}; set tls: true`);
    return /unsupported|syntax|protocol/i.test(text)
      ? failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${said}`)
      : undefined;
  }
}

/** Of each column a name that ends in a zero, and 18 bytes. The driver looks for that zero to the end of time. */
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
  return unreadable(peer, "PostgreSQL");
}

/** RFC 4013, as far as it changes a password that somebody chose: PostgreSQL prepares its own so. */
function saslPrepared(password: string): string {
  const prepared = password
    .replaceAll(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " ")
    .replaceAll(/\u00ad|\u034f|\u1806|\p{Variation_Selector}|\u200b|\u200c|\u200d|\u2060|\ufeff/gu, "")
    .normalize("NFKC");
  // What may stand in no password leaves it as it is.
  return prepared === "" || /[\p{Cc}\p{Co}\p{Cs}\u200e\u200f\u2028-\u202e\ufff9-\ufffd]/u.test(prepared)
    ? password
    : prepared;
}
