// Keeps the last 4 KiB of a program's output, since errors come last, and counts all of it. For a check with `expect` it keeps
// the start.

import { plainText } from "../text/printable.ts";

/** As much as Consul keeps: enough for an error, and too little to flood a log. */
export const CAPTURE_BYTES = 4096;

export interface Capture {
  add(chunk: Uint8Array): void;
  /** What was kept, with LF as line end; a last line says so if it is not all. Undefined if nothing was printed. */
  text(): string | undefined;
}

/** Redacts secrets in a text; also a part of one where the text is cut. */
export type Redact = (text: string, cut: "start" | "nowhere") => string;

export function createCapture(limitBytes = CAPTURE_BYTES, redact: Redact = (text) => text): Capture {
  let kept: Uint8Array = new Uint8Array(0);
  let totalBytes = 0;
  return {
    add(chunk) {
      totalBytes += chunk.byteLength;
      const tail = chunk.subarray(Math.max(0, chunk.byteLength - limitBytes));
      const before = kept.subarray(Math.max(0, kept.byteLength + tail.byteLength - limitBytes));
      const joined = new Uint8Array(before.byteLength + tail.byteLength);
      joined.set(before);
      joined.set(tail, before.byteLength);
      kept = joined;
    },
    text() {
      if (totalBytes === 0) return undefined;
      const isCut = totalBytes > kept.byteLength;
      const printed = new TextDecoder().decode(isCut ? fromCharacterStart(kept) : kept);
      const text = plainText(redact(printed, isCut ? "start" : "nowhere")).trimEnd();
      return isCut ? `${text}\n(captured ${kept.byteLength} of ${totalBytes} bytes)` : text;
    },
  };
}

export interface StartCapture {
  add(chunk: Uint8Array): void;
  read(): { readonly text: string; readonly totalBytes: number };
}

/** Keeps the first `limitBytes`. */
export function createStartCapture(limitBytes: number): StartCapture {
  const chunks: Uint8Array[] = [];
  let keptBytes = 0;
  let totalBytes = 0;
  return {
    add(chunk) {
      totalBytes += chunk.byteLength;
      if (keptBytes >= limitBytes) return;
      // A copy, since the reader uses its buffer again.
      const kept = chunk.slice(0, limitBytes - keptBytes);
      keptBytes += kept.byteLength;
      chunks.push(kept);
    },
    read: () => ({ text: new TextDecoder().decode(Buffer.concat(chunks)), totalBytes }),
  };
}

/** Drops the bytes of a UTF-8 character whose start was cut off. */
function fromCharacterStart(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
