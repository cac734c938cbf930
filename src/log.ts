// One line an event: a constant message plus fields, to stdout.
//
// A reader that is slow, stuck or gone neither blocks nor kills nor grows the
// daemon: what it does not take in time is dropped and counted.

import { createConsola } from "consola/core";

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Whether `debug` lines are written: what only they need need not be worked out. */
  readonly verbose: boolean;
}

/** The names that --log-level takes, and how much each lets through in consola's count. */
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

const LABELS: Readonly<Record<string, string>> = { error: "ERROR", warn: "WARNING", info: "INFO", debug: "DEBUG" };

/** `write` takes one whole line, closing newline included, and never throws. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const consola = createConsola({
    level: LOG_LEVELS[level],
    throttle: 0, // the default folds lines that repeat
    reporters: [
      {
        log({ date, type, args }) {
          const [message, fields] = args;
          write(formatText(date, LABELS[type] ?? type, String(message), fields as LogFields | undefined));
        },
      },
    ],
  });
  return {
    error: (message, fields) => consola.error(message, fields),
    warning: (message, fields) => consola.warn(message, fields),
    info: (message, fields) => consola.info(message, fields),
    debug: (message, fields) => consola.debug(message, fields),
    verbose: LOG_LEVELS[level] >= LOG_LEVELS.debug,
  };
}

function formatText(date: Date, label: string, message: string, fields: LogFields = {}): string {
  let line = `${date.toISOString()} ${label} ${message}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${formatValue(value)}`;
  }
  return `${line}\n`;
}

/** Bare where that is plain; else as a JSON string, so that a line is always one line. */
function formatValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w./:@%+,[\]-]+$/.test(text) ? text : JSON.stringify(text).replace(UNPRINTABLE, escapeCharacter);
}

/** Beside what JSON escapes: controls, what breaks a line elsewhere, and what turns the direction of writing. */
const UNPRINTABLE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const escapeCharacter = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Some thousand lines: a burst fits, a reader that has stopped costs no more than this. */
export const BACKLOG_BYTES = 256 * 1024;

/** Where lines go: what Bun.stdout.writer() gives. */
export interface Sink {
  write(text: string): number | Promise<number>;
  flush(): number | Promise<number>;
}

/** A `write` for `createLog` that holds at most BACKLOG_BYTES for a slow reader. */
export function createBoundedWriter(sink: Sink): (line: string) => void {
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
    const settle = () => {
      waiting = false;
      backlogBytes = 0;
      sayDropped();
    };
    flushed.then(settle, settle);
  };

  const sayDropped = () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    if (!deliver(formatText(new Date(), "WARNING", "log lines dropped, they could not be written", { count }))) {
      dropped = count;
    }
  };

  /** False when the line is lost: no room, or EPIPE, ENOSPC. The next one may find a reader again. */
  const deliver = (line: string): boolean => {
    const sizeBytes = Buffer.byteLength(line);
    if (waiting && backlogBytes + sizeBytes > BACKLOG_BYTES) return false;
    try {
      backlogBytes += sizeBytes;
      const written = sink.write(line);
      // A pipe that breaks while it is full tells so late, by the promise of an earlier write.
      if (written instanceof Promise) written.catch(() => {});
      if (!waiting) flush();
      return true;
    } catch {
      backlogBytes = 0;
      return false;
    }
  };

  return (line) => {
    if (!waiting) sayDropped();
    if (!deliver(line)) dropped++;
  };
}
