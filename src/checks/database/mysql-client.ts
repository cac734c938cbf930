// One query to MySQL, MariaDB or what speaks like them, by the driver `mysql2` over our stream.
//
// Each packet of the server is looked at before the driver has it: an error is an answer at
// once, and what the driver cannot take (another protocol, a login it does not know, packets
// out of order or malformed, of which it would print a warning) never reaches it. TLS begins amid the
// protocol, and is our stream's, as everywhere.

import { authPlugins, createConnection } from "mysql2";
import { type Address, formatAddress, isLoopback } from "../../net/address.ts";
import { openStream, type Stream } from "../../net/stream.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { type Answer, DriverSocket, Ending, feed, type Guard, type Question, unreadable, wordsOf } from "./driver.ts";
import { ResultChecker } from "./mysql-results.ts";

const QUIT = Uint8Array.of(1, 0, 0, 0, 1);

/** Never rejects for anything the server does. */
export async function askMysql(question: Question, signal: AbortSignal): Promise<Answer | Failure> {
  const { address, tls, maxWaitMs } = question;
  const peer = formatAddress(address);
  const guard = new MysqlGuard(peer, question);
  const socket = new DriverSocket((data) => guard.sent(data));
  const driver = startDriver.bind(undefined, question, socket, guard);
  let running: Driver | undefined;
  // Up to the greeting in plain; what the driver says next goes over TLS.
  const beforeTls = async (plain: Stream): Promise<Failure | undefined> => {
    running = driver();
    const greeted = await feed<"secure">(plain, socket, guard, peer, running.greeted);
    return isFailure(greeted) ? greeted : undefined;
  };
  const stream = await openStream(address, { maxWaitMs, ...(tls && { tls, beforeTls }) }, signal);
  if (isFailure(stream)) return stream;
  const { secured, ending } = running ?? driver();
  socket.attach(stream);
  secured?.();
  const result = await feed(stream, socket, guard, peer, ending);
  if (guard.isLoggedIn && !signal.aborted) stream.write(QUIT);
  stream.close();
  return isFailure(result) ? result : { ...result, warning: stream.warning };
}

type Result = Omit<Answer, "warning">;

interface Driver {
  /** Settled where the driver wants TLS now, or failed before. */
  readonly greeted: Ending<"secure" | Failure>;
  readonly ending: Ending<Result | Failure>;
  /** To be called when TLS is there. */
  secured: (() => void) | undefined;
}

function startDriver(question: Question, socket: DriverSocket, guard: MysqlGuard): Driver {
  const { address, user, password = "", database, query, tls } = question;
  const peer = formatAddress(address);
  const driver: Driver = { greeted: new Ending(), ending: new Ending(), secured: undefined };
  const connection = createConnection({
    stream: socket as never,
    user,
    password,
    database,
    connectTimeout: 0,
    disableEval: true,
    rowsAsArray: true,
    // Bytes as they came.
    typeCast: false,
    // No file of this host is sent, whatever the server asks for; and no news of a session that ends at once.
    flags: ["-LOCAL_FILES", "-SESSION_TRACK"],
    connectAttributes: { program_name: "health-checker" },
    // Only that it is asked for: how is in startTLS below.
    ...(tls && { ssl: {} }),
    // PAM and the like take the password itself: only for a server that is known to be the one that is meant.
    enableCleartextPlugin: address.family === "unix" || tls?.verify === true,
    authPlugins: pluginsFor(address, tls !== undefined, password),
  });
  Object.assign(connection, {
    startTLS(done: () => void) {
      driver.secured = done;
      driver.greeted.complete("secure");
    },
  });
  const fail = (error: unknown) => {
    const failure = explainDriver(error, peer, guard);
    driver.greeted.complete(failure);
    driver.ending.complete(failure);
  };
  connection.on("error", fail);
  connection.query(query, (error: unknown, rows: unknown, fields: unknown) => {
    if (error) fail(error);
    else driver.ending.complete(resultOf(rows, fields));
  });
  return driver;
}

/** What has no rows (SET, DO) has no list, and a procedure a list of several results, its own status the last. */
function resultOf(rows: unknown, fields: unknown): Result {
  const several = Array.isArray(fields) && fields.some((one) => one === undefined || Array.isArray(one));
  if (several && Array.isArray(rows)) {
    const last = fields.findLastIndex((one) => Array.isArray(one));
    return last < 0 ? { columns: [], row: undefined } : resultOf(rows[last], fields[last]);
  }
  if (!Array.isArray(rows) || !Array.isArray(fields)) return { columns: [], row: undefined };
  return { columns: fields.map(({ name }: { readonly name: string }) => name), row: rows[0] };
}

class NeedsTls extends Error {}

type Plugin = (context: never) => (data: Buffer) => Buffer | string | null | undefined | Promise<unknown>;

/**
 * Both plugins send the password itself: over TLS or a socket file as it is, else encrypted with a
 * key that the server sends, which a program between the two could have sent. So only this host's.
 */
function pluginsFor(address: Address, isTls: boolean, password: string) {
  const isSecure = isTls || address.family === "unix";
  const isNear = isLoopback(address);
  const guarded =
    (plugin: Plugin): Plugin =>
    (context) => {
      const reply = plugin(context);
      return (data) => {
        const said = reply(data);
        // One byte asks for the key.
        if (Buffer.isBuffer(said) && said.byteLength === 1 && !isNear && password !== "") throw new NeedsTls();
        return said;
      };
    };
  const caching = authPlugins.caching_sha2_password({ overrideIsSecure: isSecure } as never) as unknown as Plugin;
  const sha256 = authPlugins.sha256_password({}) as unknown as Plugin;
  const inClear: Plugin = () => () => Buffer.from(`${password}\0`);
  return {
    caching_sha2_password: guarded(caching),
    sha256_password: isSecure ? inClear : guarded(sha256),
  } as never;
}

/** Lengths and a number stand before each packet. */
const HEADER_BYTES = 4;
const CLIENT_SSL = 0x0800;

const OK = 0x00;
const AUTH_SWITCH = 0xfe;
const ERROR = 0xff;

const SPOKEN = ["mysql_native_password", "caching_sha2_password", "sha256_password", "mysql_clear_password"];

class MysqlGuard implements Guard {
  isLoggedIn = false;
  readonly #peer: string;
  readonly #wantsTls: boolean;
  readonly #redact: (text: string) => string;
  readonly #hasPassword: boolean;
  #pending: Buffer = Buffer.alloc(0);
  /** Of the next packet. */
  #number = 0;
  #greeted = false;
  readonly #results = new ResultChecker();

  constructor(peer: string, { tls, redact, password }: Question) {
    this.#peer = peer;
    this.#wantsTls = tls !== undefined;
    this.#redact = redact;
    this.#hasPassword = password !== undefined;
  }

  waitingFor(): string {
    if (!this.#greeted) return "the greeting of the server";
    return this.isLoggedIn ? "the answer to the query" : "the answer to the login";
  }

  /** What the driver writes is whole packets. */
  sent(data: Uint8Array): void {
    this.#number = ((data[3] ?? 0) + 1) & 0xff;
  }

  unreadable(): Failure {
    return unreadable(this.#peer, "MySQL");
  }

  look(piece: Uint8Array): Failure | undefined {
    this.#pending = Buffer.concat([this.#pending, piece]);
    while (this.#pending.byteLength >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#pending.readUIntLE(0, 3);
      const number = this.#pending[3];
      // A first packet is short, and where it is not, this is another protocol.
      if (!this.#greeted && (end > 1024 || end < HEADER_BYTES + 2)) return this.unreadable();
      if (this.#pending.byteLength < end) return undefined;
      const body = this.#pending.subarray(HEADER_BYTES, end);
      // A server that ends a connection of its own accord begins at 0.
      if (body[0] === ERROR) return this.#error(body);
      if (number !== this.#number) return this.unreadable();
      this.#number = (this.#number + 1) & 0xff;
      const failure = this.isLoggedIn ? this.#atQuery(body) : this.#atLogin(body);
      if (failure) return failure;
      this.#pending = this.#pending.subarray(end);
    }
    return undefined;
  }

  #atLogin(body: Buffer): Failure | undefined {
    if (!this.#greeted) {
      this.#greeted = true;
      // Version of the protocol, of the server with a closing zero, 13 bytes, capabilities.
      const end = body.indexOf(0, 1);
      if (body[0] !== 10 || end < 0 || body.byteLength < end + 16) return this.unreadable();
      const offersTls = (body.readUInt16LE(end + 14) & CLIENT_SSL) !== 0;
      return this.#wantsTls && !offersTls ? failed("tls", `${this.#peer} speaks no TLS`) : undefined;
    }
    if (body[0] === OK) this.isLoggedIn = true;
    if (body[0] !== AUTH_SWITCH) return undefined;
    // One byte alone asks for the password of MySQL 4.0.
    const plugin = body.byteLength === 1 ? "mysql_old_password" : body.toString("latin1", 1, body.indexOf(0, 1));
    return SPOKEN.includes(plugin) ? undefined : this.#unspoken(plugin);
  }

  #atQuery(body: Buffer): Failure | undefined {
    return this.#results.isWellFormed(body) ? undefined : this.unreadable();
  }

  #unspoken(plugin: string): Failure {
    return failed(
      "auth",
      `this user logs in by the plugin ${wordsOf(plugin, this.#redact)}, which health-checker does not speak: give it mysql_native_password or caching_sha2_password`,
    );
  }

  #error(body: Buffer): Failure {
    if (body.byteLength < 3) return this.unreadable();
    this.#greeted = true;
    const number = body.readUInt16LE(1);
    const words = wordsOf(body.toString("utf8", 3).replace(/^#.{5}/s, ""), this.#redact);
    if (number === ACCESS_DENIED && !this.isLoggedIn && !this.#hasPassword) {
      return failed("auth", `${words} (${number}); no password is set here`);
    }
    return explainServer(number, words, this.#peer, this.isLoggedIn);
  }
}

/** Users, passwords, accounts and rights. */
const AUTH = new Set([1044, 1045, 1130, 1142, 1143, 1227, 1251, 1275, 1370, 1524, 1698, 1820, 1862, 3118, 3955, 4151]);
/** Too many of something, shutting down, blocked, offline, without memory, threads or room on its disk. */
const NOT_READY = new Set([1021, 1037, 1040, 1041, 1053, 1114, 1129, 1135, 1203, 1226, 1927, 3032, 3168, 4031]);
/** In a query it may be the query's own fault. */
const NOT_READY_AT_LOGIN = 1038;
/** The server has lost the connection, or waited too long for a packet. */
const CLOSED = new Set([1152, 1158, 1159, 1160, 1161]);
const ACCESS_DENIED = 1045;
const UNKNOWN_DATABASE = 1049;
const UNKNOWN_COMMAND = 1047;
const INSECURE_TRANSPORT = 3159;

function explainServer(number: number, words: string, peer: string, isLoggedIn: boolean): Failure {
  const said = `${words} (${number})`;
  if (AUTH.has(number)) return failed("auth", said);
  if (number === UNKNOWN_DATABASE) return failed("missing", said);
  if (number === INSECURE_TRANSPORT) return failed("tls", `${said}; set tls: true`);
  // What Galera says of a node that has not joined, or is in no quorum.
  const isGalera = number === UNKNOWN_COMMAND && !/^unknown command/i.test(words);
  if (NOT_READY.has(number) || isGalera || (number === NOT_READY_AT_LOGIN && !isLoggedIn)) {
    return failed("not-ready", `${peer} says: ${said}`);
  }
  if (CLOSED.has(number)) return failed("closed", `${peer} says: ${said}`);
  return failed("mismatch", `the ${isLoggedIn ? "query" : "login"} failed: ${said}`);
}

function explainDriver(error: unknown, peer: string, guard: MysqlGuard): Failure {
  if (error instanceof NeedsTls) {
    return failed(
      "auth",
      `${peer} wants the password itself (caching_sha2_password or sha256_password), which is not sent to another host without TLS: set tls: true`,
    );
  }
  if (error instanceof Error && "code" in error && error.code === "MYSQL_CLEAR_PASSWORD_NOT_ENABLED") {
    return failed(
      "auth",
      `${peer} wants the password itself (mysql_clear_password), which is sent only over TLS that is verified, or on a socket file: set tls: true`,
    );
  }
  return guard.unreadable();
}
