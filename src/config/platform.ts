// What only Linux has, or every system but Windows. A listener that cannot be opened is a problem; a check that can only
// fail is a warning, since a file for Linux may be validated elsewhere. This file is loaded on other systems alone.

import type { CheckConfig } from "../checks/build.ts";
import type { Address } from "../net/address.ts";
import { inQuotes, onOneLine } from "../text/printable.ts";
import type { Problem } from "./problem.ts";

const SYSTEMS: Readonly<Record<string, string>> = { win32: "Windows", darwin: "macOS" };

export interface Unsupported {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** `listeners` are the options that open one, `platform` is as in process.platform. */
export function findUnsupported(
  checks: readonly CheckConfig[],
  listeners: Readonly<Record<string, Address | string | undefined>>,
  platform: string,
): Unsupported {
  const system = SYSTEMS[platform] ?? platform;
  const refused = Object.entries(listeners).filter(([, at]) => platform === "win32" && isUnixSocket(at));
  const failing = checks.filter(({ kind }) => kind.needs?.some((need) => need !== "any program"));
  return {
    problems: refused.map(([option]) => `--${option}: unix sockets are not supported on ${system}`),
    warnings: failing.map(
      ({ kind, name }) =>
        `warning: check ${inQuotes(onOneLine(name))} fails here: ${kind.name} checks need Linux, and this is ${system}`,
    ),
  };
}

/** The control socket is a path alone. */
const isUnixSocket = (at: Address | string | undefined): boolean => typeof at === "string" || at?.family === "unix";
