// One conversation of a client of the runtime through a relay, to its end: an answer,
// a failure, or the abort. Whatever it is, client and relay are closed then, in this
// order, for a client that finds its connection closed may connect again by itself.

import { type Failure, failed, type Outcome } from "../../checks/check.ts";
import type { Relay } from "../network/relay.ts";
import { areFree } from "../system/descriptors.ts";
import { afterArrivals, pause } from "../system/turns.ts";

export interface Client {
  /** Asks once; never rejects. May settle long after the client was closed, or never. */
  ask(): Promise<Outcome>;
  /** What is waited for at this moment. */
  waitingFor(): string;
  /** Never throws. */
  hangUp(): void;
  /** What the server said, in a way that the client does not heed, before it closed the connection. */
  lastWords?(closing: Uint8Array): Failure | undefined;
  /** What the protocol ends with and the client leaves out. */
  readonly farewell?: Uint8Array;
}

/** The relay's door, both ends of what goes through it, and one to spare. */
const DESCRIPTORS = 4;

const RESOURCE_RETRY_MS = 50;

/**
 * Has `converse` run once this host has what it takes, tried until the signal aborts: the
 * reserve is no help to a client that opens its socket when it likes. A server does not
 * see half a connection for each try.
 */
export async function onceThereIs(
  peer: string,
  converse: () => Promise<Outcome>,
  signal: AbortSignal,
): Promise<Outcome> {
  for (;;) {
    const outcome = areFree(DESCRIPTORS) ? await converse() : failed("resource", `no descriptor left to reach ${peer}`);
    if (outcome.ok || outcome.reason !== "resource" || signal.aborted) return outcome;
    await pause(RESOURCE_RETRY_MS, signal);
    if (signal.aborted) return outcome;
  }
}

/** Closes the relay whatever `make` does. */
export async function talk(relay: Relay, peer: string, make: () => Client, signal: AbortSignal): Promise<Outcome> {
  let client: Client;
  try {
    client = make();
  } catch (error) {
    relay.close();
    throw error;
  }
  const { promise: late, resolve } = Promise.withResolvers<Outcome>();
  const abort = () => {
    const waited = failed("timeout", `${peer}: waiting for ${client.waitingFor()}`);
    // The relay and the client each take a turn for what has arrived.
    afterArrivals(() => afterArrivals(() => resolve(waited)));
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  const broken = relay.broken.then((failure) =>
    failure.reason === "closed" ? (client.lastWords?.(relay.closing()) ?? failure) : failure,
  );
  // Its own connect, to a door on this host, fails for want of a descriptor, which it calls a connection that was closed.
  const asked = client
    .ask()
    .then((said) => (said.ok || relay.entered() ? said : failed("resource", `no descriptor left to reach ${peer}`)));
  const outcome = await Promise.race([asked, broken, late]);
  signal.removeEventListener("abort", abort);
  client.hangUp();
  relay.close(client.farewell);
  return outcome.ok && relay.warning !== undefined ? { ...outcome, warning: relay.warning } : outcome;
}
