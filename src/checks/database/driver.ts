// What a database driver gets instead of a socket (docs/adr/0006-database-clients.md).
//
// A guard checks what our stream reads before the driver gets it; what the driver writes goes to the stream. The driver
// never sees an end or an error, so it does not connect again. It leaves only memory behind.

import { EventEmitter } from "node:events";
import type { Address } from "../../net/address.ts";
import type { Stream } from "../../net/stream.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { afterPendingIo } from "../../system/event-loop.ts";
import { plainLine } from "../../text/printable.ts";

/** A login and one query. */
export interface QueryRequest {
  readonly address: Address;
  readonly user: string;
  /** Undefined if none is set; an empty password counts as none, as it does for every server. */
  readonly password: string | undefined;
  readonly database: string;
  readonly query: string;
  readonly tls: TlsSettings | undefined;
  /** As in `StreamOptions`. */
  readonly maxWaitMs: number;
  /** Redacts a whole text; the caller cuts it afterwards. */
  readonly redact: (text: string) => string;
}

export interface QueryResult {
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** The first row, if there is one; null is NULL. */
  readonly row: readonly (Uint8Array | null)[] | undefined;
  /** Set if a remembered address was used. */
  readonly warning: string | undefined;
}

/** The most that a server may send in one run. */
export const LIMIT_BYTES = 1024 * 1024;

/** A promise that is completed from outside; only the first result counts. */
export class Completion<T> {
  result: T | undefined;
  readonly promise: Promise<T>;
  readonly #resolve: (result: T) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
  }

  complete(result: T): void {
    this.result ??= result;
    this.#resolve(result);
  }
}

/** The part of a socket that drivers use. */
export class DriverSocket extends EventEmitter {
  readonly readyState = "open";
  readonly #onWrite: (data: Uint8Array) => void;
  #stream: Stream | undefined;

  /** `onWrite` is called with what the driver writes. */
  constructor(onWrite: (data: Uint8Array) => void = () => {}) {
    super();
    this.#onWrite = onWrite;
  }

  attach(stream: Stream | undefined): void {
    this.#stream = stream;
  }

  write(data: Uint8Array): boolean {
    this.#onWrite(data);
    this.#stream?.write(data);
    return true;
  }

  end(): this {
    return this;
  }

  destroy(): this {
    return this;
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }
}

export interface Guard {
  /** Checks a piece before the driver gets it; if this returns a failure, the driver does not get it. */
  inspect(piece: Uint8Array): Failure | undefined;
  /** For a message: "waiting for …". */
  waitingFor(): string;
}

/** Passes what `stream` reads to the driver until `completion` has a result. If the stream ends first, that is a failure. */
export async function feed<T>(
  stream: Stream,
  socket: DriverSocket,
  guard: Guard,
  peer: string,
  completion: Completion<T | Failure>,
): Promise<T | Failure> {
  socket.attach(stream);
  const completed = completion.promise.then(() => completion);
  let receivedBytes = 0;
  while (completion.result === undefined) {
    const piece = await Promise.race([completed, stream.read(guard.waitingFor())]);
    if (piece === completion) break;
    if (!(piece instanceof Uint8Array)) {
      // The driver may need a turn or two of the event loop for the pieces before.
      await new Promise<void>((resolve) => afterPendingIo(resolve));
      completion.complete(
        isFailure(piece) ? piece : failed("closed", `${peer} closed the connection before it had answered`),
      );
      break;
    }
    receivedBytes += piece.byteLength;
    const failure =
      receivedBytes > LIMIT_BYTES
        ? failed("mismatch", `${peer} answered with more than ${LIMIT_BYTES / 1024 / 1024} MiB`)
        : guard.inspect(piece);
    if (failure) completion.complete(failure);
    else socket.emit("data", piece);
  }
  socket.attach(undefined);
  return completion.promise;
}

const SERVER_TEXT_CHARACTERS = 300;

/** A text of the server, for a message: redacted, then cut, on one line. */
export function serverText(text: string, redact: (text: string) => string): string {
  return plainLine(redact(text), SERVER_TEXT_CHARACTERS);
}

/** The failure of a peer that speaks another protocol. */
export const unreadableAnswer = (peer: string, server: string): Failure =>
  failed("mismatch", `the answer of ${peer} is not the ${server} protocol; is the port correct?`);
