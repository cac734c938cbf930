// The values that options and keys take: their descriptions, readers and JSON Schemas.
//
// The same reader serves the command line, where everything is text, and a config file, where 5432 is a number. Its message
// about a wrong value never contains the value, which may be a secret.

import { type Address, parseAddress, parsePort } from "../net/address.ts";
import { DURATION_EXAMPLES, formatDuration, MAX_DURATION_MS, parseDuration } from "../text/duration.ts";

export interface Field<T> {
  /** For a message: "expected …". */
  readonly expected: string;
  /** `title` is the plain name of the type, for the tables of the documents. */
  readonly json: JsonSchema;
  readonly read: (given: unknown) => Value<T> | Invalid;
}

export interface Value<T> {
  readonly value: T;
}

/**
 * Why a value cannot be used. `expected` replaces the field's own if it says more, `hint` follows in brackets at the end of
 * the line, `path` leads to the wrong part if the value is a mapping.
 */
export interface Invalid {
  readonly expected?: string;
  readonly hint?: string;
  readonly path?: readonly string[];
}

export type JsonSchema = Readonly<Record<string, unknown>>;

const value = <T>(read: T): Value<T> => ({ value: read });

/** A text, or a number as a text; undefined for anything else. */
function textOf(given: unknown): string | undefined {
  if (typeof given === "string") return given;
  return typeof given === "number" ? String(given) : undefined;
}

export const duration: Field<number> = {
  expected: DURATION_EXAMPLES,
  json: { title: "duration", type: ["string", "number"], examples: ["500ms", "10s", "1m30s", 5] },
  read(given) {
    const text = textOf(given);
    const durationMs = text === undefined ? undefined : parseDuration(text);
    if (durationMs === undefined) return {};
    if (durationMs <= 0) return { expected: "a duration above zero" };
    if (durationMs > MAX_DURATION_MS) return { expected: `at most ${formatDuration(MAX_DURATION_MS)}` };
    return value(durationMs);
  },
};

export function wholeNumber(lowest: number, highest: number): Field<number> {
  return {
    expected: `a whole number from ${lowest} to ${highest}`,
    json: { type: "integer", minimum: lowest, maximum: highest },
    read(given) {
      const text = textOf(given) ?? "";
      const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return number >= lowest && number <= highest ? value(number) : {};
    },
  };
}

export const flag: Field<boolean> = {
  expected: "true or false",
  json: { type: "boolean" },
  read(given) {
    if (typeof given === "boolean") return value(given);
    return given === "true" || given === "false" ? value(given === "true") : {};
  },
};

export function oneOf<const T extends string>(names: readonly T[]): Field<T> {
  return {
    expected: `one of ${names.join(", ")}`,
    json: { enum: names },
    read(given) {
      const found = names.find((name) => name === given);
      return found === undefined ? {} : value(found);
    },
  };
}

/** The JSON Schema of a text that may be written as a number. */
export const TEXT_OR_NUMBER: JsonSchema = { title: "text", type: ["string", "number"], minLength: 1 };

/** Any text that is not empty. */
export function text(expected: string): Field<string> {
  return {
    expected,
    json: TEXT_OR_NUMBER,
    read(given) {
      if (typeof given === "boolean") return { hint: "put it in quotes" };
      const read = textOf(given);
      if (read === undefined || read === "") return {};
      return read.includes("\0") ? { hint: "it contains a zero byte" } : value(read);
    },
  };
}

export const absolutePath: Field<string> = {
  expected: "a path that begins with a slash",
  json: { title: "path", type: "string", pattern: "^/" },
  read: (given) => (typeof given === "string" && given.startsWith("/") && !given.includes("\0") ? value(given) : {}),
};

/** The daemon replaces and removes this file, so its name must be one that no other file has. */
export const metricsPath: Field<string> = {
  expected: "a path that begins with a slash and ends in .prom",
  json: { ...absolutePath.json, pattern: "^/.*[^/]\\.prom$" },
  read(given) {
    const read = absolutePath.read(given);
    if (!("value" in read) || /[^/]\.prom$/.test(read.value)) return read;
    return { hint: "node_exporter reads no other file, and this one is removed when the daemon stops" };
  },
};

/** The path of a socket to connect to. */
export const socketPath: Field<string> = {
  ...absolutePath,
  read(given) {
    const read = absolutePath.read(given);
    if (!("value" in read)) return read;
    const parsed = parseAddress(`unix:${read.value}`, 1);
    return "hint" in parsed ? { hint: parsed.hint } : read;
  },
};

/** The kernel allows 107 bytes; a new socket has a longer, temporary name until it replaces the old one. */
const MAX_LISTEN_PATH_BYTES = 90;

/** The path of a socket to listen on. */
export const listenPath: Field<string> = {
  expected: `a path that begins with a slash, of at most ${MAX_LISTEN_PATH_BYTES} bytes`,
  json: absolutePath.json,
  read(given) {
    const read = absolutePath.read(given);
    if (!("value" in read)) return read;
    return Buffer.byteLength(read.value) <= MAX_LISTEN_PATH_BYTES ? read : { hint: "it is too long" };
  },
};

const PORT_FORMS = "a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH";

/** An address to connect to; a bare port is on 127.0.0.1. */
export const address: Field<Address> = {
  expected: PORT_FORMS,
  json: {
    title: "address",
    type: ["string", "integer"],
    minimum: 1,
    maximum: 65535,
    examples: [5432, "db.internal:5432", "[::1]:6379", "unix:/run/app.sock"],
  },
  read(given) {
    const written = textOf(given);
    if (written === undefined) return {};
    if (/^[+-]?\d+$/.test(written)) {
      const port = parsePort(written, 1);
      return port ? value({ family: "tcp", host: "127.0.0.1", port }) : {};
    }
    const parsed = parseAddress(written, 1);
    if ("hint" in parsed) return { hint: parsed.hint };
    return parsed.family === "tcp" && parsed.host === "" ? { hint: "it has no host before the colon" } : value(parsed);
  },
};

export type TcpAddress = Extract<Address, { family: "tcp" }>;

/** The same without socket files. */
export const tcpAddress: Field<TcpAddress> = {
  expected: "a port from 1 to 65535, HOST:PORT or [V6]:PORT",
  json: {
    title: "address",
    type: ["string", "integer"],
    minimum: 1,
    maximum: 65535,
    examples: [443, "api.internal:443"],
  },
  read(given) {
    const read = address.read(given);
    if (!("value" in read)) return read;
    return read.value.family === "tcp" ? value(read.value) : { hint: "a socket file is not supported here" };
  },
};

/** An address to listen on. */
export const listenAddress: Field<Address> = {
  expected: "HOST:PORT, :PORT or unix:/PATH",
  json: {
    title: "address to listen on",
    type: "string",
    examples: ["0.0.0.0:5000", "127.0.0.1:5000", "unix:/run/health.sock"],
  },
  read(given) {
    const written = textOf(given);
    if (written === undefined) return {};
    const parsed = parseAddress(written, 0);
    return "hint" in parsed ? { hint: parsed.hint } : value(parsed);
  },
};

/** What an answer must hold. It has no private fields, so that two can be compared. */
export class Pattern {
  /** As the user wrote it; it may be a secret, so no message contains it. */
  readonly text: string;
  readonly expression: RegExp | undefined;

  constructor(text: string, expression?: RegExp) {
    this.text = text;
    this.expression = expression;
  }

  matches(content: string): boolean {
    return this.expression?.test(content) ?? content.includes(this.text);
  }

  /** Whether a matching text still matches when more follows: there is no end of text, word boundary or negative lookahead. */
  get isStable(): boolean {
    const { source } = this.expression ?? { source: "" };
    const bare = source.replaceAll(/\\[^bB]/g, "").replaceAll(/\[[^\]]*\]/g, "");
    return !/\$|\\[bB]|\(\?!/.test(bare);
  }
}

/** A substring, or an ECMAScript regular expression between slashes, with the flags i, m, s, u and v after it. */
export const pattern: Field<Pattern> = {
  expected: "a text, or a regular expression between slashes such as /^OK/i",
  json: { ...TEXT_OR_NUMBER, title: "text or `/regular expression/`", examples: ["imok", "/Mode: (leader|follower)/"] },
  read(given) {
    if (typeof given === "boolean") return { hint: "put it in quotes" };
    const written = textOf(given);
    if (written === undefined || written === "") return {};
    const [, source, flags = ""] = /^\/(.+)\/([a-z]*)$/s.exec(written) ?? [];
    if (source === undefined) return value(new Pattern(written));
    if (!/^[imsuv]*$/.test(flags)) return { hint: "the flags can be i, m, s, u and v" };
    try {
      return value(new Pattern(written, new RegExp(source, flags)));
    } catch {
      const hasFlags = /\(\?[a-zA-Z-]+\)/.test(source);
      return { hint: hasFlags ? "write flags after the last slash: /ok/i" : "the regular expression is not valid" };
    }
  },
};
