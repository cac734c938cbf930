// The body of a response: its first 64 KiB, decoded to text. What is inflated is bounded too.

import { type Failure, failed } from "../../outcome.ts";
import { wordsOfHtml } from "../../text/html.ts";
import { clip, plainText } from "../../text/printable.ts";

/** No more than this is read of a body. */
export const BODY_BYTES = 64 * 1024;

/** No more than this is shown of a response. */
export const EXCERPT_CHARACTERS = 200;

export interface Body {
  readonly text: string;
  /** False if the body is longer than what was read. */
  readonly isComplete: boolean;
}

/** The first 64 KiB of a body. */
export class BodyBuffer {
  #buffer = new Uint8Array(0);
  #sizeBytes = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#sizeBytes);
  }

  get isFull(): boolean {
    return this.#sizeBytes === BODY_BYTES;
  }

  /** Adds as many of the bytes as there is room for; false if that was not all of them. */
  add(bytes: Uint8Array): boolean {
    const taken = bytes.subarray(0, BODY_BYTES - this.#sizeBytes);
    const neededBytes = this.#sizeBytes + taken.byteLength;
    if (neededBytes > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.min(BODY_BYTES, Math.max(neededBytes, 2 * this.#buffer.byteLength)));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(taken, this.#sizeBytes);
    this.#sizeBytes = neededBytes;
    return taken.byteLength === bytes.byteLength;
  }
}

/**
 * Decodes UTF-8. A server may compress although the request asks for "identity", so gzip and deflate are undone. `url`
 * stands for the server in messages.
 */
export async function decodeBody(
  bytes: Uint8Array,
  headers: ReadonlyMap<string, string>,
  isComplete: boolean,
  url: string,
): Promise<Body | Failure> {
  const coding = headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (coding === "identity" || coding === "" || bytes.byteLength === 0) {
    return { text: new TextDecoder().decode(bytes), isComplete };
  }
  if (!["gzip", "x-gzip", "deflate"].includes(coding)) {
    return failed("mismatch", `${url} answered with a content coding that was not requested: ${quoteStart(coding)}`);
  }
  const inflated = await inflate(bytes);
  if (inflated === undefined) return failed("mismatch", `${url} answered with a body that is not valid ${coding}`);
  const text = new TextDecoder().decode(inflated.subarray(0, BODY_BYTES));
  return { text, isComplete: isComplete && inflated.byteLength <= BODY_BYTES };
}

/** The title of an HTML page, else the first 200 characters, safe to show; undefined if there are none. */
export function excerpt(bytes: Uint8Array, redact: (text: string) => string): string | undefined {
  // Redact before cutting: half a secret would not be recognized.
  const printed = redact(new TextDecoder().decode(bytes));
  const text = plainText(redact(wordsOfHtml(printed) ?? printed.replace(/\r\n?/g, "\n"))).trim();
  return text === "" ? undefined : clip(text, EXCERPT_CHARACTERS);
}

const quoteStart = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** Stops soon after 64 KiB of output; undefined if the bytes are not valid gzip or deflate. */
async function inflate(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const { constants, createUnzip } = await import("node:zlib");
  return new Promise((resolve) => {
    // A body that was cut is inflated as far as it goes.
    const unzip = createUnzip({ finishFlush: constants.Z_SYNC_FLUSH });
    const chunks: Uint8Array[] = [];
    let totalBytes = 0;
    const finish = () => {
      resolve(Buffer.concat(chunks));
      unzip.destroy();
    };
    unzip.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      totalBytes += chunk.byteLength;
      if (totalBytes > BODY_BYTES) finish();
    });
    unzip.on("error", () => resolve(undefined));
    unzip.on("end", finish);
    unzip.end(bytes);
  });
}
