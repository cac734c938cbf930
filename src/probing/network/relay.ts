// A relay of one conversation, between a client of the runtime that can be neither
// called off nor bounded, and a server (docs/adr/0006-database-clients.md).
//
// The server's side is a stream of ours: resolved, connected, timed, counted and gone as
// such. The client is given a door that opens once, on loopback or, where the server has
// a socket file, on a socket file in a folder that this user alone may enter: whoever
// came through that one would be to the server who we are.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { type Failure, failed } from "../../checks/check.ts";
import { withReserve } from "../system/descriptors.ts";
import { afterArrivals } from "../system/turns.ts";
import { type Address, formatAddress } from "./address.ts";
import { isFailure } from "./race.ts";
import { openStream, type Stream, type StreamOptions } from "./stream.ts";

/** What a server may say in one conversation. */
const LIMIT_BYTES = 1024 * 1024;

/** What `opening` and `closing` keep. */
const OPENING_BYTES = 128;
const CLOSING_BYTES = 1024;

/** The client reads what the server said last, and tells of it better than we would of its end. */
const LAST_WORDS_MS = 50;

/** A client that was told to close and has not by then is not waited for. */
const FAREWELL_MS = 100;

export interface Relay {
  /** For the client: where to connect to instead of the server. */
  readonly door: Address;
  /** Set where a remembered address was used. */
  readonly warning: string | undefined;
  /** Whether the client has come in. Where it has not, the server is not to blame for what it says. */
  readonly entered: () => boolean;
  /** The first bytes that the server has sent. */
  readonly opening: () => Uint8Array;
  /** What the server has sent last, in one piece. */
  readonly closing: () => Uint8Array;
  /** Resolves when the conversation cannot go on; never where it ends well. */
  readonly broken: Promise<Failure>;
  /** After the client was told to close. `farewell` is sent where the protocol has one and the client leaves it out. */
  close(farewell?: Uint8Array): void;
}

/** Never rejects. What is returned must be closed; an abort destroys it. */
export async function openRelay(
  target: Address,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<Relay | Failure> {
  const stream = await openStream(target, options, signal);
  if (isFailure(stream)) return stream;
  const door = await openDoor(target.family, signal);
  if (!isFailure(door)) return relayOn(stream, door, formatAddress(target), signal);
  stream.close();
  return door;
}

interface Door {
  readonly address: Address;
  /** The first to come; whoever comes later is not let in. */
  readonly entered: Promise<Socket>;
  close(): void;
}

/** Tried in this order: the first is there where a service may write nowhere else. */
const FOLDERS = ["/dev/shm", "/tmp"];

function openDoor(family: Address["family"], signal: AbortSignal): Promise<Door | Failure> {
  const folder = family === "unix" ? makeFolder() : undefined;
  if (isFailure(folder)) return Promise.resolve(folder);
  const { promise: entered, resolve: enter } = Promise.withResolvers<Socket>();
  const server = createServer({ noDelay: true }, enter);
  server.maxConnections = 1;
  const close = () => {
    server.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  void entered.then(close);
  return new Promise((resolve) => {
    const settle = (result: Door | Failure) => {
      signal.removeEventListener("abort", abort);
      if (isFailure(result)) close();
      resolve(result);
    };
    const abort = () => settle(failed("timeout", "opening a way to the client"));
    server.on("error", (error) => settle(noDoor(error)));
    const opened = () => settle({ address: addressOf(server, folder), entered, close });
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    withReserve(() =>
      folder === undefined ? server.listen(0, "127.0.0.1", 1, opened) : server.listen(`${folder}/door`, 1, opened),
    );
  });
}

function makeFolder(): string | Failure {
  let cause: unknown;
  for (const parent of FOLDERS) {
    try {
      const folder = mkdtempSync(`${parent}/health-checker-`);
      chmodSync(folder, 0o700);
      return folder;
    } catch (error) {
      cause = error;
    }
  }
  return noDoor(cause);
}

const noDoor = (error: unknown): Failure =>
  failed(
    "resource",
    `no socket could be made for the client (${error instanceof Error && "code" in error ? error.code : error})`,
  );

function addressOf(server: Server, folder: string | undefined): Address {
  const bound = server.address();
  return folder === undefined && typeof bound === "object" && bound !== null
    ? { family: "tcp", host: bound.address, port: bound.port }
    : { family: "unix", path: `${folder}/door` };
}

function relayOn(stream: Stream, door: Door, peer: string, signal: AbortSignal): Relay {
  const far = stream.socket;
  const { promise: broken, resolve: breakOff } = Promise.withResolvers<Failure>();
  let near: Socket | undefined;
  let opening = Buffer.alloc(0);
  let closing = Buffer.alloc(0);
  let bytes = 0;
  let lastWords: ReturnType<typeof setTimeout> | undefined;

  const destroy = () => {
    near?.destroy();
    far.destroy();
    door.close();
    clearTimeout(lastWords);
  };
  signal.addEventListener("abort", destroyAfterArrivals);
  // What has arrived by the abort still reaches the client.
  function destroyAfterArrivals() {
    afterArrivals(() => afterArrivals(destroy));
  }

  const ended = () => {
    lastWords ??= setTimeout(
      () => afterArrivals(() => breakOff(failed("closed", `${peer} closed the connection before it had answered`))),
      LAST_WORDS_MS,
    );
  };
  far.on("end", ended);
  far.on("close", ended);
  far.on("error", ended);

  void door.entered.then((client) => {
    near = client;
    client.on("error", () => {});
    if (signal.aborted || far.destroyed) return client.destroy();
    client.on("data", (chunk) => void far.write(chunk));
    client.on("drain", () => far.resume());
    far.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > LIMIT_BYTES) {
        far.pause();
        return breakOff(failed("mismatch", `${peer} answered with more than ${LIMIT_BYTES / 1024 / 1024} MiB`));
      }
      if (opening.byteLength < OPENING_BYTES) opening = Buffer.concat([opening, chunk]).subarray(0, OPENING_BYTES);
      closing = Buffer.from(chunk.subarray(0, CLOSING_BYTES));
      if (!client.write(chunk)) far.pause();
    });
    far.resume();
  });

  return {
    door: door.address,
    warning: stream.warning,
    entered: () => near !== undefined,
    opening: () => opening,
    closing: () => closing,
    broken,
    close(farewell) {
      clearTimeout(lastWords);
      door.close();
      signal.removeEventListener("abort", destroyAfterArrivals);
      const part = () => {
        clearTimeout(giveUp);
        near?.destroy();
        if (farewell && !far.destroyed) stream.write(farewell);
        stream.close();
      };
      const giveUp = setTimeout(part, FAREWELL_MS);
      if (signal.aborted) {
        clearTimeout(giveUp);
        destroy();
      } else if (near === undefined || near.destroyed) part();
      else near.once("close", part);
    },
  };
}
