// The admin listener: a page, JSON and metrics over HTTP, with a bound on its connections of its own.

import type { Log } from "../../log/log.ts";
import { type Address, formatAddress, isLoopback } from "../../net/address.ts";
import { describeFault } from "../../system/errors.ts";
import { within } from "../../system/event-loop.ts";
import { serveBounded } from "../bounded.ts";
import { Exchanges } from "../exchanges.ts";
import { listen } from "../listen.ts";
import { createAdminHandler, internalError, type Protection, type Shown } from "./handler.ts";
import { namesOfThisHost } from "./host-header.ts";

/** Scrapers and pages leave their connections open between requests. */
const IDLE_S = 60;

/** A browser opens six. */
export const MOST_CONNECTIONS = 64;

/** How long answers that are under way may take when the server closes. */
const CLOSE_GRACE_MS = 500;

export interface AdminOptions extends Pick<Protection, "token"> {
  readonly address: Address;
  readonly shown: Shown;
  readonly log: Pick<Log, "error" | "info">;
  readonly onCrowded: (closed: number, most: number) => void;
}

export interface AdminServer {
  /** With the port that the system picked where 0 was requested. */
  readonly address: Address;
  /** Accepts no more connections, and closes the open ones. */
  close(): Promise<void>;
}

/** Throws ListenError. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { address, shown, token, log, onCrowded } = options;
  const names = address.family === "unix" ? undefined : namesOfThisHost();
  const onFault = (error: unknown) => log.error("internal error; please report it", { error: describeFault(error) });
  const answering = new Exchanges({
    answer: createAdminHandler(shown, { isLoopback: isLoopback(address), token, names }),
    onError(error) {
      onFault(error);
      return internalError();
    },
    // Scrapers and browsers report the answer to their own invalid request.
    onRefused() {},
    answersEvery: false,
    idleTimeoutS: IDLE_S,
    mayTakeLonger: () => false,
  });
  const { server, close } = await listen(address, (at) =>
    serveBounded(at, { answering, idleTimeoutS: IDLE_S, maxConnections: () => MOST_CONNECTIONS, onCrowded, onFault }),
  );
  const bound: Address = address.family === "tcp" ? { ...address, port: server.server.port ?? address.port } : address;
  log.info("admin listening", { address: formatAddress(bound) });
  return {
    address: bound,
    async close() {
      await close();
      await within(server.drain(), CLOSE_GRACE_MS);
      await server.cut();
    },
  };
}
