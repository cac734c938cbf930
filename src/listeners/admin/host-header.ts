// Against DNS rebinding: a page of another site gives its own name the address of this host, so that the browser lets it
// read our answers. Its requests carry that name in their Host header.

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { isIPv4, isIPv6 } from "../../net/address.ts";

/**
 * Whether the Host header is an IP address, `localhost` or one of `names`, with or without a port. A request without one
 * is not from a browser.
 */
export function isOwnHost(header: string | undefined, names: ReadonlySet<string>): boolean {
  if (header === undefined || header === "") return true;
  const [, inBrackets, plain = ""] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::\d*)?$/.exec(header) ?? [];
  if (inBrackets !== undefined) return isIPv6(inBrackets);
  const name = plain.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || isIPv4(name) || names.has(name);
}

/** The name of this host, its first part, and the other names that the hosts file has for it; in small letters. */
export function namesOfThisHost(hostsFile = "/etc/hosts"): ReadonlySet<string> {
  const name = hostname().toLowerCase();
  const [short = name] = name.split(".");
  return new Set([name, short, ...namesBeside(name, hostsFile)]);
}

function namesBeside(name: string, hostsFile: string): readonly string[] {
  try {
    const lines = readFileSync(hostsFile, "utf8").toLowerCase().split("\n");
    const names = lines.map((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1));
    return names.filter((names) => names.includes(name)).flat();
  } catch {
    return [];
  }
}
