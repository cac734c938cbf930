// The table of options. The parser and the help read it, and so will every
// other text that lists them.

import { DEFAULTS } from "../config/load.ts";

export interface OptionDef {
  /** Without dashes. */
  readonly name: string;
  readonly type: "string" | "boolean";
  /** A single letter that works too. */
  readonly short?: string;
  /** What the value is, in capitals. */
  readonly value?: string;
  readonly repeatable?: boolean;
  readonly default?: string;
  /** One sentence for the help. */
  readonly help: string;
}

export const OPTIONS: readonly OptionDef[] = [
  {
    name: "port",
    type: "string",
    value: "PORT",
    repeatable: true,
    help: "check that a TCP port accepts: 5432 (on 127.0.0.1), host:5432, [::1]:5432, unix:/path",
  },
  {
    name: "script",
    type: "string",
    value: "COMMAND",
    repeatable: true,
    help: "check that a command exits 0; split into words as a shell does, without a shell",
  },
  {
    name: "script-timeout",
    type: "string",
    value: "N",
    default: DEFAULTS["script-timeout"],
    help: "how long a script may take: seconds, or 500ms, 10s, 1m",
  },
  {
    name: "port-timeout",
    type: "string",
    value: "N",
    default: DEFAULTS["port-timeout"],
    help: "how long a port may take to accept: seconds, or 500ms, 10s, 1m",
  },
  { name: "singleflight", type: "boolean", help: "concurrent requests share one round of checks" },
  {
    name: "max-rounds",
    type: "string",
    value: "N",
    default: DEFAULTS["max-rounds"],
    help: "at most N rounds of checks run at once; requests beyond them share one",
  },
  {
    name: "listener",
    type: "string",
    value: "HOST:PORT",
    default: DEFAULTS.listener,
    help: "where health requests are answered; 0.0.0.0:P and :P are every address, v4 and v6; unix:/path",
  },
  {
    name: "failure-status",
    type: "string",
    value: "CODE",
    default: DEFAULTS["failure-status"],
    help: "the HTTP status when a check fails, 400 to 599",
  },
  {
    name: "log-level",
    type: "string",
    value: "LEVEL",
    default: DEFAULTS["log-level"],
    help: "panic, fatal, error, warning, info or debug",
  },
  { name: "help", type: "boolean", short: "h", help: "show this help and exit" },
  { name: "version", type: "boolean", short: "v", help: "show the version and exit" },
];

export const optionNamed = (name: string): OptionDef | undefined =>
  OPTIONS.find((option) => option.name === name || option.short === name);
