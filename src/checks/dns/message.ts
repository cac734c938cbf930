// One question to one name server by DNS (RFC 1035): over UDP, then over TCP if the answer does not fit. Not the runtime's
// client: it reports a closed port as a timeout, does not distinguish a name without such a record from a name that does
// not exist, and returns the pieces of one TXT record as several texts (measured on Bun 1.4.5).

import { formatAddress } from "../../net/address.ts";
import { askByDatagram, type DatagramPeer } from "../../net/datagram.ts";
import { type Failure, failed, isFailure } from "../../outcome.ts";

/** The record types that a check can ask for, and their numbers. */
export const RECORD_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  CAA: 257,
} as const;

export type RecordType = keyof typeof RECORD_TYPES;

export interface DnsQuestion {
  /** Labels of ASCII letters, digits, - and _, separated by dots. */
  readonly name: string;
  readonly type: RecordType;
}

export interface DnsRecord {
  readonly type: RecordType;
  /** As `dig +short` prints it. */
  readonly text: string;
  /** For a TXT record: its pieces joined, without quotes. */
  readonly joined?: string;
}

export interface DnsAnswer {
  /** "NOERROR", "NXDOMAIN", "SERVFAIL"… */
  readonly code: string;
  readonly truncated: boolean;
  /** The answer section, including the CNAMEs on the way; without record types that are not in `RECORD_TYPES`. */
  readonly records: readonly DnsRecord[];
}

const CODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
const IN = 1;
const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;

/** Never rejects. Datagrams of other hosts, and answers to other questions, are ignored. */
export async function askServer(
  server: DatagramPeer,
  question: DnsQuestion,
  signal: AbortSignal,
): Promise<DnsAnswer | Failure> {
  const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  const query = encodeQuery(id, question);
  const answer = await askByDatagram(server, query, (datagram) => parseAnswer(datagram, query), signal);
  return !isFailure(answer) && answer.truncated ? askByStream(server, query, signal) : answer;
}

async function askByStream(server: DatagramPeer, query: Uint8Array, signal: AbortSignal): Promise<DnsAnswer | Failure> {
  const { openStream } = await import("../../net/stream.ts");
  const stream = await openStream(server, { maxWaitMs: 0 }, signal);
  if (isFailure(stream)) return stream;
  const framed = new Uint8Array(2 + query.byteLength);
  new DataView(framed.buffer).setUint16(0, query.byteLength);
  framed.set(query, 2);
  stream.write(framed);
  let received = new Uint8Array(0);
  for (;;) {
    const piece = await stream.read("the rest of a long answer");
    if (piece === undefined || isFailure(piece)) {
      stream.close();
      return piece ?? failed("closed", `${formatAddress(server)} closed the connection before the answer was complete`);
    }
    received = Buffer.concat([received, piece]);
    const sizeBytes =
      received.byteLength < 2 ? Number.POSITIVE_INFINITY : 256 * (received[0] ?? 0) + (received[1] ?? 0);
    if (received.byteLength < 2 + sizeBytes) continue;
    stream.close();
    return (
      parseAnswer(received.subarray(2, 2 + sizeBytes), query) ??
      failed("mismatch", `${formatAddress(server)} sent an answer that does not match the question`)
    );
  }
}

export function encodeQuery(id: number, { name, type }: DnsQuestion): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "");
  const bytes = [id >> 8, id & 0xff, 1 /* recursion desired */, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) bytes.push(label.length, ...Buffer.from(label, "latin1"));
  bytes.push(0, RECORD_TYPES[type] >> 8, RECORD_TYPES[type] & 0xff, 0, IN);
  return Uint8Array.from(bytes);
}

/** Accepts any bytes; undefined unless they are a well-formed answer to `query`. */
export function parseAnswer(message: Uint8Array, query: Uint8Array): DnsAnswer | undefined {
  try {
    return parse(message, query);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function parse(message: Uint8Array, query: Uint8Array): DnsAnswer | undefined {
  const reader = new Reader(message);
  const id = reader.number(2);
  const flags = reader.number(2);
  const [questions, answers] = [reader.number(2), reader.number(2)];
  const isAnswer = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isAnswer || id !== new Reader(query).number(2)) return undefined;
  const code = CODES[flags & 0xf] ?? `code ${flags & 0xf}`;
  const truncated = (flags & 0x0200) !== 0;
  // A server that cannot read the question may leave it out.
  if (questions === 0 && code !== "NOERROR") return { code, truncated, records: [] };
  if (questions !== 1 || !repeatsQuestion(message, query)) return undefined;
  if (truncated) return { code, truncated, records: [] };
  reader.at = query.byteLength;
  const records: DnsRecord[] = [];
  for (let count = 0; count < answers; count++) {
    reader.name();
    const number = reader.number(2);
    const isInternet = reader.number(2) === IN;
    reader.number(4);
    const end = reader.number(2) + reader.at;
    if (end > message.byteLength) throw new Malformed();
    const type = typeOf(number);
    if (isInternet && type) {
      records.push(readRecord(reader, type, end));
      if (reader.at !== end) throw new Malformed();
    }
    reader.at = end;
  }
  return { code, truncated, records };
}

/** The answer repeats the question, perhaps in another case. */
function repeatsQuestion(message: Uint8Array, query: Uint8Array): boolean {
  const part = (bytes: Uint8Array) =>
    Buffer.from(bytes.subarray(HEADER_BYTES, query.byteLength)).toString("latin1").toLowerCase();
  return part(message) === part(query);
}

const typeOf = (number: number): RecordType | undefined =>
  (Object.keys(RECORD_TYPES) as RecordType[]).find((type) => RECORD_TYPES[type] === number);

class Reader {
  readonly message: Uint8Array;
  at = 0;

  constructor(message: Uint8Array) {
    this.message = message;
  }

  number(bytes: 1 | 2 | 4): number {
    let number = 0;
    for (const byte of this.bytes(bytes)) number = number * 256 + byte;
    return number;
  }

  bytes(count: number): Uint8Array {
    const { at } = this;
    if (at + count > this.message.byteLength) throw new Malformed();
    this.at += count;
    return this.message.subarray(at, at + count);
  }

  /** A domain name with a dot at its end. Each pointer must lead further back, so that reading ends. */
  name(): string {
    let text = "";
    let sizeBytes = 0;
    let afterPointer: number | undefined;
    let lowest = this.at;
    for (;;) {
      const length = this.number(1);
      if (length === 0) break;
      if (length >= 0xc0) {
        const target = (length - 0xc0) * 256 + this.number(1);
        if (target >= lowest) throw new Malformed();
        afterPointer ??= this.at;
        lowest = target;
        this.at = target;
        continue;
      }
      if (length > 63) throw new Malformed();
      sizeBytes += length + 1;
      if (sizeBytes >= MAX_NAME_BYTES) throw new Malformed();
      text += `${escaped(this.bytes(length), /[.\\"();@$ ]/)}.`;
    }
    if (afterPointer !== undefined) this.at = afterPointer;
    return text === "" ? "." : text;
  }
}

function readRecord(reader: Reader, type: RecordType, end: number): DnsRecord {
  switch (type) {
    case "A":
      return { type, text: [...reader.bytes(4)].join(".") };
    case "AAAA":
      return { type, text: formatIPv6(reader.bytes(16)) };
    case "NS":
    case "CNAME":
    case "PTR":
      return { type, text: reader.name() };
    case "MX":
      return { type, text: `${reader.number(2)} ${reader.name()}` };
    case "SRV":
      return { type, text: `${reader.number(2)} ${reader.number(2)} ${reader.number(2)} ${reader.name()}` };
    case "SOA": {
      const names = `${reader.name()} ${reader.name()}`;
      const numbers = Array.from({ length: 5 }, () => reader.number(4));
      return { type, text: [names, ...numbers].join(" ") };
    }
    case "CAA": {
      const flags = reader.number(1);
      const tag = escaped(reader.bytes(reader.number(1)), /[^A-Za-z0-9]/);
      if (reader.at > end) throw new Malformed();
      return { type, text: `${flags} ${tag} ${quote(reader.bytes(end - reader.at))}` };
    }
    case "TXT": {
      const pieces: Uint8Array[] = [];
      while (reader.at < end) pieces.push(reader.bytes(reader.number(1)));
      return { type, text: pieces.map(quote).join(" "), joined: Buffer.concat(pieces).toString("utf8") };
    }
  }
}

const quote = (bytes: Uint8Array): string => `"${escaped(bytes, /["\\]/)}"`;

/** Presentation format: a backslash before `special` characters, and \DDD for bytes that are not printable ASCII. */
function escaped(bytes: Uint8Array, special: RegExp): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const printable = (byte > 0x20 && byte < 0x7f) || (byte === 0x20 && !special.test(" "));
    if (!printable) text += `\\${String(byte).padStart(3, "0")}`;
    else text += special.test(character) ? `\\${character}` : character;
  }
  return text;
}

/** RFC 5952: lower case; the longest run of zero groups, or the first of several, becomes "::". */
export function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    (256 * (bytes[2 * index] ?? 0) + (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // ::ffff:192.0.2.1 keeps its dots, as inet_ntop(3) prints it.
  if (groups.slice(0, 6).join() === "0,0,0,0,0,ffff") return `::ffff:${[...bytes.subarray(12, 16)].join(".")}`;
  let [start, length] = [0, 0];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (groups[to] === "0") to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
