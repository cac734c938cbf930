// What a config file says that contradicts itself, and what is allowed and unwise.

import { hostname, networkInterfaces } from "node:os";
import type { CheckConfig } from "../checks/build.ts";
import type { Address } from "../probing/address.ts";
import type { LoadedFile } from "./load-file.ts";
import { didYouMean, type Problem } from "./problem.ts";

/** `settled` are all checks there are, those of the file first and in its order. */
export async function findContradictions(
  file: LoadedFile,
  settled: readonly CheckConfig[],
  listener: Address,
): Promise<readonly Problem[]> {
  return [...askingItself(file, listener), ...(await strangers(file, settled))];
}

/** A check that asks the daemon itself would start a round in every round. */
function askingItself({ checks, source }: LoadedFile, listener: Address): readonly Problem[] {
  return checks.flatMap(({ kind, settings, path }) => {
    const peer = kind.asksHttp ? kind.peer?.(settings) : undefined;
    if (!peer || !isSame(peer, listener)) return [];
    const expected = "another address than the daemon's own health listener";
    return [source.problem([...path, kind.name], { expected, got: kind.target(settings) })];
  });
}

/** Endpoints that name what is not there. */
async function strangers(
  { endpoints, source }: LoadedFile,
  checks: readonly CheckConfig[],
): Promise<readonly Problem[]> {
  const names = checks.map(({ name }) => name);
  const problems: Problem[] = [];
  for (const { path, checks: members } of endpoints) {
    for (const [index, name] of members.entries()) {
      const at = ["endpoints", path, index];
      const got = JSON.stringify(name);
      if (members.indexOf(name) < index)
        problems.push(source.problem(at, { expected: "each check once", got: `${got} again` }));
      if (names.includes(name)) continue;
      const near = await didYouMean(name, names);
      const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
      problems.push(source.problem(at, { expected: "the name of a check", got: `${got}${hint}` }));
    }
  }
  return problems;
}

/** What takes a whole fleet out at once, and what can never be unhealthy; a line each. */
export function findCautions(
  { checks, endpoints, source }: LoadedFile,
  settled: readonly CheckConfig[],
): readonly string[] {
  const cautions: string[] = [];
  for (const [index, { kind, settings, path }] of checks.entries()) {
    if (settled[index]?.severity === "warning") continue;
    const peer = kind.peer?.(settings);
    if (peer && !isThisHost(peer)) cautions.push(source.remark([...path, kind.name], `warning: ${SHARED}`));
    for (const caution of kind.caution?.(settings) ?? []) cautions.push(source.remark(path, `warning: ${caution}`));
  }
  const critical = new Set(settled.filter(({ severity }) => severity === "critical").map(({ name }) => name));
  if (critical.size === 0) {
    cautions.push(source.remark(["checks"], "warning: no check is critical, so the answer is always 200", "key"));
  } else {
    for (const { path, checks: members } of endpoints) {
      if (members.some((name) => critical.has(name))) continue;
      const said = "warning: none of its checks is critical, so its answer is always 200";
      cautions.push(source.remark(["endpoints", path], said, "key"));
    }
  }
  return cautions;
}

const SHARED =
  "a critical check of another host: when that is down, every host that checks it is unhealthy at once; set severity: warning unless it serves this host alone";

function isSame(peer: Address, listener: Address): boolean {
  if (peer.family === "unix" || listener.family === "unix") {
    return peer.family === "unix" && listener.family === "unix" && peer.path === listener.path;
  }
  if (peer.port !== listener.port) return false;
  const everywhere = ["", "0.0.0.0", "::"].includes(listener.host);
  return everywhere ? isThisHost(peer) : peer.host === listener.host || (isLoopback(peer) && isLoopback(listener));
}

/** Under whatever other name this host is known only a look-up would tell, which is not for the start. */
function isThisHost(address: Address): boolean {
  if (address.family === "unix" || isLoopback(address)) return true;
  const own = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
  return address.host === hostname() || own.includes(address.host);
}

const LOOPBACK =
  /^(127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$|(.*\.)?localhost\.?$|localhost\.localdomain$|ip6-localhost$)/i;

const isLoopback = (address: Address): boolean => address.family === "unix" || LOOPBACK.test(address.host);
