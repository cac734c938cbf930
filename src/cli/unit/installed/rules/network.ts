// Finds directives of the installed unit that block requests to the daemon, or connections of its checks.

import { BlockList } from "node:net";
import { isIPv4, isIPv6 } from "../../../../net/address.ts";
import { listFirstTwo } from "../../../../text/list.ts";
import type { Peer } from "../../sandbox.ts";
import type { Rule } from "../difference.ts";
import type { InstalledUnit } from "../unit-file.ts";
import { allows, describeValues, settingOf, wordsOf } from "../values.ts";

const LOOPBACK = /^(127\.[\d.]+|::1|(.*\.)?localhost)$/i;

const isLoopback = ({ host }: Peer): boolean => LOOPBACK.test(host);

/** By systemd.resource-control(5). */
const NAMED: Readonly<Partial<Record<string, readonly string[]>>> = {
  any: ["0.0.0.0/0", "::/0"],
  localhost: ["127.0.0.0/8", "::1/128"],
  "link-local": ["169.254.0.0/16", "fe80::/64"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
};

interface Filter {
  readonly includes: (address: string) => boolean;
  /** The list has an address that is not of the loopback. */
  readonly reachesOthers: boolean;
}

/** Entries that cannot be read are ignored, as systemd does. */
function filterOf(unit: InstalledUnit, directive: string): Filter {
  const entries = wordsOf(unit, directive).flatMap((word) => NAMED[word] ?? [word]);
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.split("/");
    const family = familyOf(address);
    if (!family) continue;
    const length = bits === undefined ? LENGTHS[family] : Number(bits);
    if (length >= 0 && length <= LENGTHS[family]) list.addSubnet(address, length, family);
  }
  return {
    includes: (address) => list.check(address, familyOf(address) ?? "ipv4"),
    reachesOthers: entries.some((entry) => !LOOPBACK.test(entry.split("/")[0] ?? "")),
  };
}

/** Bits of an address. */
const LENGTHS = { ipv4: 32, ipv6: 128 } as const;

const familyOf = (address: string): "ipv4" | "ipv6" | undefined =>
  isIPv4(address) ? "ipv4" : isIPv6(address) ? "ipv6" : undefined;

/** A documentation address (RFC 5737), which stands for any other host. */
const OTHER_HOST = "192.0.2.1";

/** IPAddressAllow= allows an address whatever IPAddressDeny= says. */
const addresses: Rule = (unit, { needs }) => {
  const directive = "IPAddressAllow";
  const [allowed, denied] = [filterOf(unit, directive), filterOf(unit, "IPAddressDeny")];
  const isClosed = (address: string) => denied.includes(address) && !allowed.includes(address);
  // The addresses of load balancers and of names are unknown: one allowed address of another host is enough.
  const isClosedToOthers = isClosed(OTHER_HOST) && !allowed.reachesOthers;
  const ifClosed = (address: string) => (isClosed(address) ? address : undefined);
  const neededFor = (peer: Peer, others: string) => {
    if (isLoopback(peer)) return ifClosed(familyOf(peer.host) ? peer.host : "127.0.0.1");
    return isClosedToOthers ? others : undefined;
  };
  const found = [
    ...needs.peers.map((peer) => ({
      ...peer,
      needed: familyOf(peer.host) ? ifClosed(peer.host) : neededFor(peer, `the addresses of ${peer.host}`),
    })),
    ...needs.listeners.map((peer) => ({ ...peer, needed: neededFor(peer, "the addresses of the load balancers") })),
  ].filter(({ needed }) => needed !== undefined);
  if (found.length === 0) return [];
  const needed = listFirstTwo([...new Set(found.flatMap(({ needed = [] }) => needed))]);
  const by = listFirstTwo([...new Set(found.map(({ by }) => by))]);
  return [{ directive, needed, installed: describeValues(unit, directive), by }];
};

const interfaces: Rule = (unit, { needs }) => {
  const directive = "RestrictNetworkInterfaces";
  const texts = unit.values(directive).map(({ text }) => text);
  const local = [...needs.peers, ...needs.listeners].filter(isLoopback);
  const remote = needs.listeners.filter((peer) => !isLoopback(peer));
  const isLoopbackAlone = texts.length > 0 && wordsOf(unit, directive).every((word) => word === "lo");
  const [needed, closed] =
    local.length > 0 && !allows(texts, "lo")
      ? (["lo", local] as const)
      : (["the interface of the load balancers", isLoopbackAlone ? remote : []] as const);
  if (closed.length === 0) return [];
  return [
    { directive, needed, installed: describeValues(unit, directive), by: listFirstTwo(closed.map(({ by }) => by)) },
  ];
};

/** Whether a rule, [FAMILY:][PROTOCOL:][PORTS] or "any", matches this TCP port. */
function matchesPort(rule: string, port: number): boolean {
  return rule.split(":").every((part) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    return first === undefined ? part !== "udp" : port >= Number(first) && port <= Number(last);
  });
}

/** A rule that denies one family is ignored: the listener still has the other. */
const ports: Rule = (unit, { needs }) => {
  const directive = "SocketBindAllow";
  const isClosed = ({ port }: Peer) =>
    wordsOf(unit, "SocketBindDeny").some((rule) => !rule.startsWith("ipv") && matchesPort(rule, port)) &&
    !wordsOf(unit, directive).some((rule) => matchesPort(rule, port));
  const closed = needs.listeners.filter(isClosed);
  if (closed.length === 0) return [];
  const needed = closed.map(({ port }) => `tcp:${port}`).join(" ");
  return [
    { directive, needed, installed: describeValues(unit, directive), by: listFirstTwo(closed.map(({ by }) => by)) },
  ];
};

const network: Rule = (unit) => {
  const directive = "PrivateNetwork";
  const found = settingOf(unit, directive);
  if (found?.value !== "yes") return [];
  return [{ directive, needed: "no", installed: found.shown, by: "the listener and the checks" }];
};

export const NETWORK_RULES: readonly Rule[] = [addresses, interfaces, ports, network];
