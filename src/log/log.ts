// Writes one line for each event to stdout, a constant message plus fields: as text, as JSON, or as text for the journal,
// which adds the time and takes the level from a prefix.
//
// The line has a bounded length whatever its fields hold, and no field can forge a line. If the reader of stdout is slow,
// stuck or gone, the daemon does not block, end or grow: lines that it does not read in time are dropped and counted.

import { createConsola } from "consola/core";
import { escapeUnprintable } from "../text/printable.ts";

/** `time`, `level` and `message` are members of every line in JSON, so no field has such a name. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>> & {
  readonly time?: never;
  readonly level?: never;
  readonly message?: never;
};

export interface Log {
  error(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Whether `debug` lines are written; if not, their fields need not be computed. */
  readonly verbose: boolean;
  /** From now on only lines of that level and above are written. */
  setLevel(level: LogLevel): void;
}

/** The values of --log-level, each with the level of consola that it sets. */
export const LOG_LEVELS = {
  panic: -1,
  fatal: -1,
  error: 0,
  warning: 1,
  warn: 1,
  info: 3,
  debug: 4,
  trace: 4,
} as const;

export type LogLevel = keyof typeof LOG_LEVELS;

export const LOG_FORMATS = ["text", "json", "journal"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

type Level = "error" | "warning" | "info" | "debug";

/** By the names that consola has for them. */
const LEVELS: Readonly<Record<string, Level>> = { error: "error", warn: "warning", info: "info", debug: "debug" };

/** sd-daemon(3) */
export const PRIORITIES: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** `write` gets one whole line with its newline, and never throws. */
export function createLog(level: LogLevel, write: (line: string) => void, format: LogFormat = "text"): Log {
  const formatLine = FORMATS[format];
  const consola = createConsola({
    level: LOG_LEVELS[level],
    throttle: 0, // the default drops repeated lines
    reporters: [
      {
        log({ date, type, args }) {
          const [message, fields] = args;
          write(`${formatLine(date, LEVELS[type] ?? "error", String(message), fields as LogFields | undefined)}\n`);
        },
      },
    ],
  });
  return {
    error: (message, fields) => consola.error(message, fields),
    warning: (message, fields) => consola.warn(message, fields),
    info: (message, fields) => consola.info(message, fields),
    debug: (message, fields) => consola.debug(message, fields),
    get verbose() {
      return consola.level >= LOG_LEVELS.debug;
    },
    setLevel(level) {
      consola.level = LOG_LEVELS[level];
    },
  };
}

type FormatLine = (date: Date, level: Level, message: string, fields?: LogFields) => string;

const FORMATS: Readonly<Record<LogFormat, FormatLine>> = {
  text: (date, level, message, fields) =>
    `${date.toISOString()} ${level.toUpperCase()} ${message}${formatFields(fields, asText)}`,
  json: (date, level, message, fields) =>
    `{"time":"${date.toISOString()}","level":"${level}","message":${quote(message)}${formatFields(fields, asMember)}}`,
  journal: (_date, level, message, fields) => `<${PRIORITIES[level]}>${message}${formatFields(fields, asText)}`,
};

/** The journal splits a line at 48 KiB into two. */
export const LONGEST_FIELDS_BYTES = 40 * 1024;

/** A value is not cut shorter than this. If it still does not fit, it and the fields after it are left out. */
const LEAST_SHOWN = 16;

function formatFields(fields: LogFields = {}, format: (name: string, value: string | number | boolean) => string) {
  let line = "";
  let roomBytes = LONGEST_FIELDS_BYTES;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    let field = format(name, value);
    let shown = String(value);
    while (Buffer.byteLength(field) > roomBytes && shown.length > LEAST_SHOWN) {
      shown = shown.slice(0, shown.length / 2);
      field = format(name, `${shown}…`);
    }
    roomBytes -= Buffer.byteLength(field);
    if (roomBytes < 0) break;
    line += field;
  }
  return line;
}

const asText = (name: string, value: string | number | boolean): string => {
  const text = String(value);
  return ` ${name}=${/^[\w./:@%+,[\]-]+$/.test(text) ? text : quote(text)}`;
};

const asMember = (name: string, value: string | number | boolean): string => {
  const isJson = typeof value === "boolean" || Number.isFinite(value);
  return `,${quote(name)}:${isJson ? value : quote(String(value))}`;
};

/** A JSON string that is one printable line. */
const quote = (text: string): string => escapeUnprintable(JSON.stringify(text));

/** Some thousand lines: enough for a burst, and the most memory that a reader that has stopped can cost. */
export const BACKLOG_BYTES = 256 * 1024;

/** What Bun.stdout.writer() returns. */
export interface Sink {
  write(text: string): number | Promise<number>;
  flush(): number | Promise<number>;
}

/**
 * A `write` for a `createLog` of the same format that holds at most BACKLOG_BYTES for a slow reader. `onDropped` is called for
 * each line that is lost.
 */
export function createBoundedWriter(
  sink: Sink,
  format: LogFormat = "text",
  onDropped: () => void = () => {},
): (line: string) => void {
  let waiting = false;
  let backlogBytes = 0;
  let dropped = 0;

  const flush = () => {
    const flushed = sink.flush();
    if (!(flushed instanceof Promise)) {
      backlogBytes = 0;
      return;
    }
    waiting = true;
    const resume = () => {
      waiting = false;
      backlogBytes = 0;
      logDropped();
    };
    flushed.then(resume, resume);
  };

  const logDropped = () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    const message = "log lines dropped";
    if (!deliver(`${FORMATS[format](new Date(), "warning", message, { count })}\n`)) dropped = count;
  };

  /** Returns false if the line is lost: no room, EPIPE or ENOSPC. The next one may be written again. */
  const deliver = (line: string): boolean => {
    const sizeBytes = Buffer.byteLength(line);
    if (waiting && backlogBytes + sizeBytes > BACKLOG_BYTES) return false;
    try {
      backlogBytes += sizeBytes;
      const written = sink.write(line);
      // A pipe that breaks while it is full rejects the promise of an earlier write.
      if (written instanceof Promise) written.catch(() => {});
      if (!waiting) flush();
      return true;
    } catch {
      backlogBytes = 0;
      return false;
    }
  };

  return (line) => {
    if (!waiting) logDropped();
    if (deliver(line)) return;
    dropped++;
    onDropped();
  };
}
