// Opens a listener where it was asked for, or says in one line why not.

import { type Address, formatAddress, isIPv4, isIPv6 } from "../probing/address.ts";

/** The listener could not be opened; the message says which and why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** 0.0.0.0 and no host are every address, v4 and v6; v4 alone on a host without v6. Throws ListenError. */
export async function listen<Server>(address: Address, serveAt: (at: Address) => Server): Promise<Server> {
  const where = formatAddress(address);
  try {
    if (address.family === "unix") {
      const { clearStaleSocket, openToAll } = await import("./unix-socket.ts");
      await clearStaleSocket(address.path);
      const server = serveAt(address);
      openToAll(address.path);
      return server;
    }
    if (address.host !== "" && address.host !== "0.0.0.0") return serveAt(address);
    try {
      return serveAt({ ...address, host: "::" });
    } catch (error) {
      if (codeOf(error) === "EADDRINUSE") throw error;
      // A host without IPv6.
      return serveAt({ ...address, host: "0.0.0.0" });
    }
  } catch (error) {
    throw new ListenError(`cannot listen on ${where}: ${listenHint(codeOf(error), address)}`);
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
      return address.family === "tcp" && !isNumeric(address.host) ? `the name has no address (${code})` : code;
  }
}

const isNumeric = (host: string): boolean => isIPv4(host) || isIPv6(host);

/** Removes what a listener leaves behind once its server has stopped: the file of a unix socket. */
export async function stopListening(address: Address): Promise<void> {
  if (address.family === "unix") (await import("./unix-socket.ts")).removeSocket(address.path);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
