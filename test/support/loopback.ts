// Addresses that nothing else of the test run uses.

import { randomInt } from "node:crypto";

/**
 * One of the sixteen million addresses of this host, for what has to be told its
 * port beforehand or closes and opens it again: nobody else takes it meanwhile.
 */
export const loopbackAddress = (): string => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;

/** A port of `host` that was free a moment ago. */
export function freePort(host: string): number {
  const listener = Bun.listen({ hostname: host, port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
