// Checks that the packets of a query's result are well formed. The driver prints a stack trace for impossible lengths, and
// believes other wrong ones.

const OK = 0x00;
const NULL = 0xfb;
const END = 0xfe;
/** An end packet is shorter than any row that begins with the same byte. */
const MAX_END_BYTES = 8;
const MORE_RESULTS = 0x0008;
/** The server's limit for a table. */
const MAX_COLUMNS = 4096;
/** Catalogue, schema, table and column; the last two have a name and an original name. */
const TEXTS_OF_COLUMN = 6;
/** The fixed part of a column, with its length byte. */
const REST_OF_COLUMN_BYTES = 13;

export class ResultChecker {
  #expected: "header" | "columns" | "end of columns" | "rows" | "nothing" = "header";
  #columns = 0;
  #columnsLeft = 0;

  /** Call it with the body of each packet in turn, except errors of the server. */
  isWellFormed(body: Buffer): boolean {
    switch (this.#expected) {
      case "header":
        return this.#header(body);
      case "columns":
        if (--this.#columnsLeft === 0) this.#expected = "end of columns";
        return textsEnd(body, 0, TEXTS_OF_COLUMN, false) + REST_OF_COLUMN_BYTES <= body.byteLength;
      case "end of columns":
        this.#expected = "rows";
        return isEnd(body);
      case "rows":
        if (isEnd(body)) {
          this.#expected = (body.readUInt16LE(3) & MORE_RESULTS) === 0 ? "nothing" : "header";
          return true;
        }
        return textsEnd(body, 0, this.#columns, true) === body.byteLength;
      case "nothing":
        return false;
    }
  }

  #header(body: Buffer): boolean {
    if (body[0] === OK) {
      const inserted = numberAt(body, 1);
      const status = inserted && numberAt(body, inserted.end);
      if (!status || status.end + 4 > body.byteLength) return false;
      this.#expected = (body.readUInt16LE(status.end) & MORE_RESULTS) === 0 ? "nothing" : "header";
      return true;
    }
    const columns = numberAt(body, 0);
    if (columns === undefined || columns.value > MAX_COLUMNS) return false;
    this.#columns = columns.value;
    this.#columnsLeft = columns.value;
    this.#expected = "columns";
    return true;
  }
}

const isEnd = (body: Buffer): boolean => body[0] === END && body.byteLength >= 5 && body.byteLength <= MAX_END_BYTES;

/** The position after `count` length-prefixed texts; infinity if the packet is too short. */
function textsEnd(body: Buffer, start: number, count: number, mayBeNull: boolean): number {
  let at = start;
  for (let left = count; left > 0; left--) {
    if (mayBeNull && body[at] === NULL) {
      at++;
      continue;
    }
    const length = numberAt(body, at);
    at = length ? length.end + length.value : Number.POSITIVE_INFINITY;
    if (at > body.byteLength) return Number.POSITIVE_INFINITY;
  }
  return at;
}

/** A length-encoded integer: one byte, or two, three or eight bytes after a byte that says how many. */
function numberAt(body: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  const first = body[at];
  if (first === undefined || first === NULL || first === 0xff) return undefined;
  if (first < NULL) return { value: first, end: at + 1 };
  const bytes = first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
  const end = at + 1 + bytes;
  if (end > body.byteLength) return undefined;
  return { value: bytes === 8 ? Number(body.readBigUInt64LE(at + 1)) : body.readUIntLE(at + 1, bytes), end };
}
