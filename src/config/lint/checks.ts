// What a config file says that contradicts itself, and what is allowed and unwise.

import { hostname, networkInterfaces } from "node:os";
import type { CheckConfig } from "../../checks/build.ts";
import { redactorOf } from "../../checks/redact.ts";
import type { Address } from "../../net/address.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { onOneLine, quote } from "../../text/printable.ts";
import { withoutLastSlash } from "../endpoint.ts";
import type { LoadedFile } from "../load-file.ts";
import { describe, type Path, type Problem, valueAt } from "../problem.ts";

/** A check that asks the daemon itself would start a round in every round. */
export function selfChecks({ checks, source }: LoadedFile, listener: Address): readonly Problem[] {
  const isThisHost = localHost();
  return checks.flatMap(({ kind, settings, path }) => {
    const peer = kind.asksHttp ? kind.peer?.(settings) : undefined;
    if (!peer || !isSame(peer, listener, isThisHost)) return [];
    const at = [...path, kind.name];
    const expected = "another address than the daemon's own health listener";
    return [source.problem(at, { expected, got: describe(valueAt(source.value, at), at) })];
  });
}

/** Endpoints that name what is not there. `checks` are all there are, of the command line too. */
export async function unknownEndpointChecks(
  { endpoints, source, mayBeNamed }: LoadedFile,
  checks: readonly CheckConfig[],
): Promise<readonly Problem[]> {
  const names = checks.map(({ name }) => name);
  const known = new Set(names);
  const problems: Problem[] = [];
  for (const { path, checks: members } of endpoints) {
    const seen = new Set<string>();
    for (const [index, name] of members.entries()) {
      const at = ["endpoints", path, index];
      if (seen.has(name)) {
        problems.push(source.problem(at, { expected: "each check once", got: `${quote(name)} again` }));
      } else if (!known.has(name) && !mayBeNamed(name)) {
        const near = problems.length < MOST_GUESSES ? await didYouMean(name, names) : undefined;
        const hint = near === undefined ? "" : `; did you mean ${quote(near)}?`;
        problems.push(source.problem(at, { expected: "the name of a check", got: `${quote(name)}${hint}` }));
      }
      seen.add(name);
    }
  }
  return problems;
}

/** Paths that differ only by a slash at the end. */
export function repeatedEndpoints({ endpoints, source }: LoadedFile): readonly Problem[] {
  const first = new Map<string, string>();
  return endpoints.flatMap(({ path }) => {
    const plain = withoutLastSlash(path);
    const same = first.get(plain);
    if (same === undefined) {
      first.set(plain, path);
      return [];
    }
    const got = `${quote(path)}, which is ${quote(same)} too`;
    return [source.problem(["endpoints", path], { expected: "another path", got, at: "key" })];
  });
}

/** Each compares a name with every check's. */
const MOST_GUESSES = 20;

/** What takes a whole fleet out at once, what can never be unhealthy, and what decides nothing; a line each. `paths` say where each check stands. */
export function findFileWarnings(
  { endpoints, source }: LoadedFile,
  paths: readonly { readonly path?: Path }[],
  checks: readonly CheckConfig[],
): readonly string[] {
  const isThisHost = localHost();
  const warnings: string[] = [];
  const named = new Set(endpoints.flatMap(({ checks }) => checks));
  for (const [index, { kind, settings, name, severity, secrets }] of checks.entries()) {
    const path = paths[index]?.path;
    if (severity === "endpoint" && !named.has(name)) {
      warnings.push(path ? source.remark(path, UNNAMED) : `${onOneLine(name)}: ${UNNAMED}`);
    }
    const remarkOn = (warning: string) =>
      source.remark(path ?? [], `warning: ${redactorOf(secrets)?.(warning) ?? warning}`);
    if (path) warnings.push(...(kind.warnings?.(settings) ?? []).map(remarkOn));
    if (severity !== "critical") continue;
    const peer = kind.peer?.(settings);
    if (peer && !isThisHost(peer)) {
      const at = path?.[0] === "checks" ? [...path, kind.name] : path;
      const said = `warning: ${SHARED}`;
      warnings.push(at ? source.remark(at, said) : `--port ${onOneLine(kind.target(settings))}: ${said}`);
    }
    if (path) warnings.push(...(kind.warningsIfCritical?.(settings) ?? []).map(remarkOn));
  }
  if (checks.every(({ severity }) => severity !== "critical")) {
    warnings.push(source.remark(["checks"], ALWAYS_HEALTHY, "key"));
  }
  return warnings;
}

const UNNAMED = "warning: no endpoint names this check, and its severity is endpoint, so it decides nothing";

const ALWAYS_HEALTHY = "warning: no check is critical, so the answer for the host (/) is always 200";

const SHARED =
  "a critical check of another host: when that is down, every host that checks it is unhealthy at once; set severity: warning unless it serves this host alone";

type IsThisHost = (address: Address) => boolean;

function isSame(peer: Address, listener: Address, isThisHost: IsThisHost): boolean {
  if (peer.family === "unix" || listener.family === "unix") {
    return peer.family === "unix" && listener.family === "unix" && peer.path === listener.path;
  }
  if (peer.port !== listener.port) return false;
  if (isEverywhere(listener.host)) return isThisHost(peer);
  const one = plainHost(peer.host);
  const other = plainHost(listener.host);
  // A name of the loopback may be any of its addresses; so may "every address", to which one cannot connect.
  const isVague = isName(one) || isName(other) || isEverywhere(one);
  return one === other || (isVague && LOOPBACK.test(one) && LOOPBACK.test(other));
}

/** Under whatever other name this host is known only a look-up would tell, which is not for the start. */
function localHost(): IsThisHost {
  const own = new Set([hostname().toLowerCase()]);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) own.add(plainHost(address));
  }
  return (address) =>
    address.family === "unix" || LOOPBACK.test(plainHost(address.host)) || own.has(plainHost(address.host));
}

const isEverywhere = (host: string): boolean => ["", "0.0.0.0", "::"].includes(plainHost(host));

const isName = (host: string): boolean => !/^[\d.]+$/.test(host) && !host.includes(":");

/** One way of writing for each: lower case, IPv6 in its shortest form, no zone, IPv4 as such. */
function plainHost(host: string): string {
  const [name = ""] = host.toLowerCase().replace(/\.$/, "").split("%");
  if (!name.includes(":")) return name;
  const short = URL.parse(`http://[${name}]`)?.hostname.slice(1, -1) ?? name;
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  return [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]).join(".");
}

const LOOPBACK = /^(127\.[\d.]+|::1|0\.0\.0\.0|::|(.*\.)?localhost|localhost\.localdomain|ip6-localhost)$/;
