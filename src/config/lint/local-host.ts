// Which addresses belong to this host.

import { hostname, networkInterfaces } from "node:os";
import type { Address } from "../../net/address.ts";

export type IsThisHost = (address: Address) => boolean;

/** Whether a connection to `peer` may reach `listener`. */
export function isSameAddress(peer: Address, listener: Address, isThisHost: IsThisHost): boolean {
  if (peer.family === "unix" || listener.family === "unix") {
    return peer.family === "unix" && listener.family === "unix" && peer.path === listener.path;
  }
  if (peer.port !== listener.port) return false;
  if (isWildcard(listener.host)) return isThisHost(peer);
  const one = plainHost(peer.host);
  const other = plainHost(listener.host);
  // A name of the loopback may be any of its addresses. So may 0.0.0.0 as a peer: no host has that address.
  const isVague = isName(one) || isName(other) || isWildcard(one);
  return one === other || (isVague && LOOPBACK.test(one) && LOOPBACK.test(other));
}

/** Knows the loopback, this host's name and its addresses. Its other names would need a lookup, too slow for the start. */
export function localHost(): IsThisHost {
  const own = new Set([hostname().toLowerCase()]);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) own.add(plainHost(address));
  }
  return (address) =>
    address.family === "unix" || LOOPBACK.test(plainHost(address.host)) || own.has(plainHost(address.host));
}

const isWildcard = (host: string): boolean => ["", "0.0.0.0", "::"].includes(plainHost(host));

const isName = (host: string): boolean => !/^[\d.]+$/.test(host) && !host.includes(":");

/** In one form: lower case, IPv6 shortest and without its zone, IPv4 in IPv6 as IPv4. */
function plainHost(host: string): string {
  const [name = ""] = host.toLowerCase().replace(/\.$/, "").split("%");
  if (!name.includes(":")) return name;
  const short = URL.parse(`http://[${name}]`)?.hostname.slice(1, -1) ?? name;
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  return [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]).join(".");
}

const LOOPBACK = /^(127\.[\d.]+|::1|0\.0\.0\.0|::|(.*\.)?localhost|localhost\.localdomain|ip6-localhost)$/;
