// Opens a listener, or explains in one line why it cannot.

import { type Address, formatAddress, isIPv4, isIPv6 } from "../net/address.ts";
import { causeOf, codeOf } from "../system/errors.ts";

/** The listener could not be opened; the message says which and why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export interface Listener<Server> {
  readonly server: Server;
  /** Removes the file of a unix socket, unless another server has replaced it. Call it once the server has stopped. */
  close(): Promise<void>;
}

/** World-connectable, like a TCP port. */
const OPEN_TO_ALL = 0o666;

/**
 * 0.0.0.0 or an empty host means every address, v4 and v6; only v4 on a host without v6.
 * `mode` is the mode of a unix socket, from the moment it exists. Throws ListenError.
 */
export async function listen<Server>(
  address: Address,
  serveAt: (at: Address) => Server,
  mode = OPEN_TO_ALL,
): Promise<Listener<Server>> {
  try {
    if (address.family === "unix") return await (await import("./unix-socket.ts")).listenOnPath(address, serveAt, mode);
    const isEverywhere = address.host === "" || address.host === "0.0.0.0";
    return { server: isEverywhere ? listenEverywhere(address, serveAt) : serveAt(address), close: async () => {} };
  } catch (error) {
    throw new ListenError(`cannot listen on ${formatAddress(address)}: ${listenHint(codeOf(error), address)}`);
  }
}

function listenEverywhere<Server>(address: Address & { family: "tcp" }, serveAt: (at: Address) => Server): Server {
  try {
    return serveAt({ ...address, host: "::" });
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") throw error;
    return serveAt({ ...address, host: "0.0.0.0" }); // a host without IPv6
  }
}

function listenHint(code: string, address: Address): string {
  switch (code) {
    case "EADDRINUSE":
      return "it is in use by another process";
    case "EACCES":
      return address.family === "tcp" && address.port < 1024
        ? "permission denied; a port under 1024 needs CAP_NET_BIND_SERVICE"
        : "permission denied";
    case "EADDRNOTAVAIL":
      return "this host has no such address";
    case "ENOENT":
      return address.family === "unix" ? "its folder does not exist" : "this host has no such name or address";
    default:
      return address.family === "tcp" && !isNumeric(address.host) ? `the name has no address (${code})` : causeOf(code);
  }
}

const isNumeric = (host: string): boolean => isIPv4(host) || isIPv6(host);
