// The address of a service: HOST:PORT, [V6]:PORT or unix:/PATH.

export type Address =
  | { readonly family: "tcp"; readonly host: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string };

/** sun_path holds 108 bytes, including the zero at its end. */
const MAX_UNIX_PATH_BYTES = 107;

/** Either an address, or what is wrong with the text, such as "it has no colon". */
export type ParsedAddress = Address | { readonly hint: string };

/** `lowestPort` is 1 for an address to connect to, 0 for one to listen on, where 0 picks a free port. The host may be empty. */
export function parseAddress(text: string, lowestPort: 0 | 1): ParsedAddress {
  if (text.startsWith("unix:")) return parseUnix(text.slice("unix:".length));
  if (text.includes("://")) return { hint: "it is a URL; write only the host and the port" };
  const colon = text.lastIndexOf(":");
  if (colon < 0) return { hint: "it has no colon" };
  const host = text.slice(0, colon);
  const port = parsePort(text.slice(colon + 1), lowestPort);
  if (port === undefined) return { hint: `its port is not a number from ${lowestPort} to 65535` };
  if (host.startsWith("[") || host.endsWith("]")) {
    const inner = /^\[(.*)\]$/.exec(host)?.[1];
    if (inner === undefined || !isIPv6(inner)) return { hint: "the text in brackets is not an IPv6 address" };
    return { family: "tcp", host: inner, port };
  }
  if (/^(tcp[46]?|udp[46]?)$/i.test(host)) return { hint: "the part before the colon is a protocol, not a host" };
  if (host.includes(":")) return { hint: "an IPv6 address needs brackets, as in [::1]:5432" };
  if (host !== "" && !isIPv4(host) && !isHostName(host))
    return { hint: "the part before the colon is neither a host name nor an IP address" };
  return { family: "tcp", host, port };
}

/** A whole decimal number from `lowest` to 65535, else undefined. */
export function parsePort(text: string, lowest: 0 | 1): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= lowest && port <= 65535 ? port : undefined;
}

export function formatAddress(address: Address): string {
  if (address.family === "unix") return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

export function isIPv4(host: string): boolean {
  const parts = host.split(".");
  // Some programs read 010 as 8, others as 10: a leading zero is refused.
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** A zone, as in fe80::1%eth0, is allowed. */
export function isIPv6(host: string): boolean {
  const [, address = "", embedded] = /^([0-9a-fA-F:]+?)((?<=:)\d[\d.]*\.\d+)?(?:%[\w.~-]+)?$/.exec(host) ?? [];
  if (embedded !== undefined && !isIPv4(embedded)) return false;
  // An IPv4 tail stands for two groups.
  const halves = (embedded === undefined ? address : `${address}0:0`).split("::");
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : halves.length === 1 && groups.length === 8;
}

/** A listener on all addresses gives v4 peers as ::ffff:1.2.3.4. */
export const withoutV4Mapping = (host: string): string => host.replace(/^::ffff:(?=[\d.]+$)/, "");

/** Whether the address is this host's loopback or a socket file. A name counts only if it is localhost. */
export function isLoopback(address: Address): boolean {
  if (address.family === "unix") return true;
  return isIPv4(address.host) ? address.host.startsWith("127.") : ["::1", "localhost"].includes(address.host);
}

function isHostName(host: string): boolean {
  const labels = host.replace(/\.$/, "").split(".");
  // If the last label has only digits, it was meant to be an address: 10.0.0.300.
  if (/^\d+$/.test(labels.at(-1) ?? "")) return false;
  return host.length <= 253 && labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}

function parseUnix(path: string): ParsedAddress {
  if (!path.startsWith("/")) return { hint: "the path after unix: must begin with a slash" };
  if (path.includes("\0") || Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    return { hint: `a socket path has at most ${MAX_UNIX_PATH_BYTES} bytes` };
  }
  return { family: "unix", path };
}
