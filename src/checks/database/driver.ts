// What a database's driver gets instead of a socket (docs/adr/0006-database-clients.md).
//
// A guard sees what our stream reads before the driver does, and what the driver writes goes to
// the stream. The driver never sees an end or an error, so it has no reason to connect again. All
// that it leaves behind is memory.

import { EventEmitter } from "node:events";
import type { Address } from "../../net/address.ts";
import type { Stream } from "../../net/stream.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";
import { afterPendingIo } from "../../system/event-loop.ts";
import { plainLine } from "../../text/printable.ts";

/** A login and one query. */
export interface Question {
  readonly address: Address;
  readonly user: string;
  /** Undefined where none is set, or an empty one, which no server takes for one. */
  readonly password: string | undefined;
  readonly database: string;
  readonly query: string;
  readonly tls: TlsSettings | undefined;
  /** As for a stream. */
  readonly maxWaitMs: number;
  /** Redacts a text that is cut afterwards. */
  readonly redact: (text: string) => string;
}

export interface Answer {
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** The first row, if there is one; null stands for NULL. */
  readonly row: readonly (Uint8Array | null)[] | undefined;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
}

/** A server may send so much in one run. */
export const LIMIT_BYTES = 1024 * 1024;

/** The first result counts. */
export class Ending<T> {
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

/** The part of a socket that drivers call. */
export class DriverSocket extends EventEmitter {
  readonly readyState = "open";
  readonly #written: (data: Uint8Array) => void;
  #stream: Stream | undefined;

  /** `written` sees what the driver writes. */
  constructor(written: (data: Uint8Array) => void = () => {}) {
    super();
    this.#written = written;
  }

  attach(stream: Stream | undefined): void {
    this.#stream = stream;
  }

  write(data: Uint8Array): boolean {
    this.#written(data);
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
  /** Checks each piece before the driver gets it; after a failure the driver does not get it. */
  look(piece: Uint8Array): Failure | undefined;
  waitingFor(): string;
}

/** Gives the driver what `stream` reads until `ending` has a result; at the end of the stream that is a failure. */
export async function feed<T>(
  stream: Stream,
  socket: DriverSocket,
  guard: Guard,
  peer: string,
  ending: Ending<T | Failure>,
): Promise<T | Failure> {
  socket.attach(stream);
  const over = ending.promise.then(() => ending);
  let bytes = 0;
  while (ending.result === undefined) {
    const piece = await Promise.race([over, stream.read(guard.waitingFor())]);
    if (piece === ending) break;
    if (!(piece instanceof Uint8Array)) {
      // The driver may need a turn or two of the event loop for what came before.
      await new Promise<void>((resolve) => afterPendingIo(resolve));
      ending.complete(
        isFailure(piece) ? piece : failed("closed", `${peer} closed the connection before it had answered`),
      );
      break;
    }
    bytes += piece.byteLength;
    const failure =
      bytes > LIMIT_BYTES
        ? failed("mismatch", `${peer} answered with more than ${LIMIT_BYTES / 1024 / 1024} MiB`)
        : guard.look(piece);
    if (failure) ending.complete(failure);
    else socket.emit("data", piece);
  }
  socket.attach(undefined);
  return ending.promise;
}

const LONGEST_WORDS = 300;

/** A text of the server for a message: on one line and cut; `redact` sees the text before it is cut. */
export function wordsOf(text: string, redact: (text: string) => string): string {
  return plainLine(redact(text), LONGEST_WORDS);
}

/** Of a peer that speaks another protocol. */
export const unreadable = (peer: string, server: string): Failure =>
  failed("mismatch", `what ${peer} answers cannot be read as ${server}'s protocol; is it the right port?`);
