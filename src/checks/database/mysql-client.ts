// One query to MySQL, MariaDB or a compatible server, by the driver `mysql2` over our stream.
//
// A guard inspects each packet of the server before the driver gets it. An error ends the run at once. What the driver
// cannot handle never reaches it: another protocol, an unknown login, and packets that are malformed or out of order, about
// which it would print a warning. TLS begins in the middle of the protocol; our stream does it, as for every other check.

import { authPlugins, createConnection } from "mysql2";
import { type Address, formatAddress, isLoopback } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import {
  Completion,
  DriverSocket,
  feed,
  type Guard,
  type QueryRequest,
  type QueryResult,
  serverText,
  unreadableAnswer,
} from "./driver.ts";
import { ResultChecker } from "./mysql-results.ts";

const QUIT = Uint8Array.of(1, 0, 0, 0, 1);

/** Never rejects for anything the server does. */
export async function queryMysql(request: QueryRequest, signal: AbortSignal): Promise<QueryResult | Failure> {
  const { address, tls, maxWaitMs } = request;
  const peer = formatAddress(address);
  const guard = new MysqlGuard(peer, request);
  const socket = new DriverSocket((data) => guard.onWrite(data));
  const start = () => startDriver(request, socket, guard);
  let driver: Driver | undefined;
  // The greeting is read in plain text; what the driver writes next goes over TLS.
  const beforeTls = async (plain: Stream): Promise<Failure | undefined> => {
    driver = start();
    const greeted = await feed<"wants TLS">(plain, socket, guard, peer, driver.greeted);
    return isFailure(greeted) ? greeted : undefined;
  };
  const stream = await openStream(address, { maxWaitMs, ...(tls && { tls, beforeTls }) }, signal);
  if (isFailure(stream)) return stream;
  const { onSecure, completion } = driver ?? start();
  socket.attach(stream);
  onSecure?.();
  const result = await feed(stream, socket, guard, peer, completion);
  if (guard.isLoggedIn && !signal.aborted) stream.write(QUIT);
  stream.close();
  return isFailure(result) ? result : { ...result, warning: stream.warning };
}

type Result = Omit<QueryResult, "warning">;

interface Driver {
  /** Completed once the driver wants to begin TLS, or has failed before that. */
  readonly greeted: Completion<"wants TLS" | Failure>;
  readonly completion: Completion<Result | Failure>;
  /** Call it once TLS has begun. */
  onSecure: (() => void) | undefined;
}

function startDriver(request: QueryRequest, socket: DriverSocket, guard: MysqlGuard): Driver {
  const { address, user, password = "", database, query, tls } = request;
  const peer = formatAddress(address);
  const driver: Driver = { greeted: new Completion(), completion: new Completion(), onSecure: undefined };
  const connection = createConnection({
    stream: socket as never,
    user,
    password,
    database,
    connectTimeout: 0,
    disableEval: true,
    rowsAsArray: true,
    // Values stay bytes.
    typeCast: false,
    // Never send a file of this host, whatever the server asks for. Changes of the session state are not needed.
    flags: ["-LOCAL_FILES", "-SESSION_TRACK"],
    connectAttributes: { program_name: "health-checker" },
    // Only makes the driver ask for TLS; startTLS below does it.
    ...(tls && { ssl: {} }),
    // PAM and its like get the password itself: only for a server whose identity is verified.
    enableCleartextPlugin: address.family === "unix" || tls?.verify === true,
    authPlugins: pluginsFor(address, tls !== undefined, password),
  });
  Object.assign(connection, {
    startTLS(done: () => void) {
      driver.onSecure = done;
      driver.greeted.complete("wants TLS");
    },
  });
  const fail = (error: unknown) => {
    const failure = explainDriver(error, peer, guard);
    driver.greeted.complete(failure);
    driver.completion.complete(failure);
  };
  connection.on("error", fail);
  connection.query(query, (error: unknown, rows: unknown, fields: unknown) => {
    if (error) fail(error);
    else driver.completion.complete(resultOf(rows, fields));
  });
  return driver;
}

/** A statement without rows (SET, DO) has no list; a procedure has a list of results, of which the last is its own status. */
function resultOf(rows: unknown, fields: unknown): Result {
  const hasSeveral = Array.isArray(fields) && fields.some((one) => one === undefined || Array.isArray(one));
  if (hasSeveral && Array.isArray(rows)) {
    const last = fields.findLastIndex((one) => Array.isArray(one));
    return last < 0 ? { columns: [], row: undefined } : resultOf(rows[last], fields[last]);
  }
  if (!Array.isArray(rows) || !Array.isArray(fields)) return { columns: [], row: undefined };
  return { columns: fields.map(({ name }: { readonly name: string }) => name), row: rows[0] };
}

/** The server wants the password, which must not be sent over this connection. */
class NeedsTls extends Error {}

type Plugin = (context: never) => (data: Buffer) => Buffer | string | null | undefined | Promise<unknown>;

/**
 * Both plugins send the password itself: over TLS or a socket file as it is, else encrypted with a key that the server
 * sends. A program in between could replace that key, so without TLS they are allowed on loopback only.
 */
function pluginsFor(address: Address, isTls: boolean, password: string) {
  const isSecure = isTls || address.family === "unix";
  const isLocal = isLoopback(address);
  const guarded =
    (plugin: Plugin): Plugin =>
    (context) => {
      const reply = plugin(context);
      return (data) => {
        const answer = reply(data);
        // A single byte asks the server for its key.
        if (Buffer.isBuffer(answer) && answer.byteLength === 1 && !isLocal && password !== "") throw new NeedsTls();
        return answer;
      };
    };
  const caching = authPlugins.caching_sha2_password({ overrideIsSecure: isSecure } as never) as unknown as Plugin;
  const sha256 = authPlugins.sha256_password({}) as unknown as Plugin;
  const inPlainText: Plugin = () => () => Buffer.from(`${password}\0`);
  return {
    caching_sha2_password: guarded(caching),
    sha256_password: isSecure ? inPlainText : guarded(sha256),
  } as never;
}

/** Each packet begins with its length (three bytes) and its sequence number. */
const HEADER_BYTES = 4;
const CLIENT_SSL = 0x0800;

const OK = 0x00;
const AUTH_SWITCH = 0xfe;
const ERROR = 0xff;

const SUPPORTED_PLUGINS = ["mysql_native_password", "caching_sha2_password", "sha256_password", "mysql_clear_password"];

class MysqlGuard implements Guard {
  isLoggedIn = false;
  readonly #peer: string;
  readonly #wantsTls: boolean;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #pending: Buffer = Buffer.alloc(0);
  /** The sequence number of the next packet. */
  #number = 0;
  #greeted = false;
  readonly #results = new ResultChecker();

  constructor(peer: string, { tls, redact, password }: QueryRequest) {
    this.#peer = peer;
    this.#wantsTls = tls !== undefined;
    this.#redact = redact;
    this.#hasPassword = password !== undefined;
  }

  waitingFor(): string {
    if (!this.#greeted) return "the greeting of the server";
    return this.isLoggedIn ? "the answer to the query" : "the answer to the login";
  }

  /** Called with what the driver writes, which is whole packets. */
  onWrite(data: Uint8Array): void {
    this.#number = ((data[3] ?? 0) + 1) & 0xff;
  }

  unreadable(): Failure {
    return unreadableAnswer(this.#peer, "MySQL");
  }

  inspect(piece: Uint8Array): Failure | undefined {
    this.#pending = Buffer.concat([this.#pending, piece]);
    while (this.#pending.byteLength >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#pending.readUIntLE(0, 3);
      const number = this.#pending[3];
      // The greeting is short; if the packet is not, this is another protocol.
      if (!this.#greeted && (end > 1024 || end < HEADER_BYTES + 2)) return this.unreadable();
      if (this.#pending.byteLength < end) return undefined;
      const body = this.#pending.subarray(HEADER_BYTES, end);
      // Before the number is checked: a server that ends a connection by itself begins at 0.
      if (body[0] === ERROR) return this.#error(body);
      if (number !== this.#number) return this.unreadable();
      this.#number = (this.#number + 1) & 0xff;
      const failure = this.isLoggedIn ? this.#inspectQuery(body) : this.#inspectLogin(body);
      if (failure) return failure;
      this.#pending = this.#pending.subarray(end);
    }
    return undefined;
  }

  #inspectLogin(body: Buffer): Failure | undefined {
    if (!this.#greeted) {
      this.#greeted = true;
      // Protocol version, server version that ends in a zero, 13 bytes, capabilities.
      const end = body.indexOf(0, 1);
      if (body[0] !== 10 || end < 0 || body.byteLength < end + 16) return this.unreadable();
      const offersTls = (body.readUInt16LE(end + 14) & CLIENT_SSL) !== 0;
      return this.#wantsTls && !offersTls ? failed("tls", `${this.#peer} does not support TLS`) : undefined;
    }
    if (body[0] === OK) this.isLoggedIn = true;
    if (body[0] !== AUTH_SWITCH) return undefined;
    // A single byte asks for the login of MySQL 4.0.
    const plugin = body.byteLength === 1 ? "mysql_old_password" : body.toString("latin1", 1, body.indexOf(0, 1));
    return SUPPORTED_PLUGINS.includes(plugin) ? undefined : this.#unsupportedPlugin(plugin);
  }

  #inspectQuery(body: Buffer): Failure | undefined {
    return this.#results.isWellFormed(body) ? undefined : this.unreadable();
  }

  #unsupportedPlugin(plugin: string): Failure {
    return failed(
      "auth",
      `this user has the login plugin ${serverText(plugin, this.#redact)}, which health-checker does not support: set mysql_native_password or caching_sha2_password for this user`,
    );
  }

  #error(body: Buffer): Failure {
    if (body.byteLength < 3) return this.unreadable();
    this.#greeted = true;
    const number = body.readUInt16LE(1);
    const words = serverText(body.toString("utf8", 3).replace(/^#.{5}/s, ""), this.#redact);
    if (number === ACCESS_DENIED && !this.isLoggedIn && !this.#hasPassword) {
      return failed("auth", `${words} (${number}); the check has no password`);
    }
    return explainServer(number, words, this.#peer, this.isLoggedIn);
  }
}

/** Error numbers about users, passwords, accounts and rights. */
const AUTH = new Set([1044, 1045, 1130, 1142, 1143, 1227, 1251, 1275, 1370, 1524, 1698, 1820, 1862, 3118, 3955, 4151]);
/** The server has too much of something, shuts down, blocks this host, is offline, or lacks memory, threads or disk space. */
const NOT_READY = new Set([1021, 1037, 1040, 1041, 1053, 1114, 1129, 1135, 1203, 1226, 1927, 3032, 3168, 4031]);
/** Out of memory; in a query the query itself may be the cause. */
const NOT_READY_AT_LOGIN = 1038;
/** The server has lost the connection, or waited too long for a packet. */
const CLOSED = new Set([1152, 1158, 1159, 1160, 1161]);
const ACCESS_DENIED = 1045;
const UNKNOWN_DATABASE = 1049;
const UNKNOWN_COMMAND = 1047;
const INSECURE_TRANSPORT = 3159;

function explainServer(number: number, words: string, peer: string, isLoggedIn: boolean): Failure {
  const text = `${words} (${number})`;
  if (AUTH.has(number)) return failed("auth", text);
  if (number === UNKNOWN_DATABASE) return failed("missing", text);
  if (number === INSECURE_TRANSPORT) return failed("tls", `${text}; set tls: true`);
  // A Galera node answers this to any query until it has joined, and while it has no quorum.
  const isGalera = number === UNKNOWN_COMMAND && !/^unknown command/i.test(words);
  if (NOT_READY.has(number) || isGalera || (number === NOT_READY_AT_LOGIN && !isLoggedIn)) {
    return failed("not-ready", `${peer} reports: ${text}`);
  }
  if (CLOSED.has(number)) return failed("closed", `${peer} reports: ${text}`);
  return failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${text}`);
}

function explainDriver(error: unknown, peer: string, guard: MysqlGuard): Failure {
  if (error instanceof NeedsTls) {
    return failed(
      "auth",
      `${peer} requires the password in clear text (caching_sha2_password or sha256_password), which health-checker sends to another host only over TLS: set tls: true`,
    );
  }
  if (error instanceof Error && "code" in error && error.code === "MYSQL_CLEAR_PASSWORD_NOT_ENABLED") {
    return failed(
      "auth",
      `${peer} requires the password in clear text (mysql_clear_password), which health-checker sends only over verified TLS or on a socket file: set tls: true`,
    );
  }
  return guard.unreadable();
}
