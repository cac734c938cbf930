// The end of a program's output: the last 4 KiB, since errors come last, and
// a count of all of it. For a check with `expect`, its start.

import { plainText } from "../text/printable.ts";

/** As Consul keeps; enough for an error, too little for a log to drown in. */
export const CAPTURE_BYTES = 4096;

export interface Capture {
  add(chunk: Uint8Array): void;
  /** What was kept as text, CR and CRLF as line ends, with a line that says so where it is not all; undefined when nothing was printed. */
  text(): string | undefined;
}

/** Takes out of a text what must not be shown; where it was cut, a part of that too. */
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

export interface Start {
  add(chunk: Uint8Array): void;
  read(): { readonly text: string; readonly totalBytes: number };
}

/** The other way round: the first `limitBytes`. */
export function createStart(limitBytes: number): Start {
  const chunks: Uint8Array[] = [];
  let keptBytes = 0;
  let totalBytes = 0;
  return {
    add(chunk) {
      totalBytes += chunk.byteLength;
      if (keptBytes >= limitBytes) return;
      // A copy: the reader's buffer is used again.
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
