// Addresses that nothing else of the test run uses.

import { randomInt } from "node:crypto";

/**
 * One of the sixteen million addresses of this host, for what has to be told its
 * port beforehand or closes and opens it again: nobody else takes it meanwhile.
 */
export const loopbackAddress = (): string => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;

/** A port of `host` that was free a moment ago. */
export const freePort = (host: string): number => freePorts(host, 1)[0] ?? 0;

/** So many of them, no two the same. */
export function freePorts(host: string, count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () => Bun.listen({ hostname: host, port: 0, socket: { data() {} } }));
  const ports = listeners.map(({ port }) => port);
  for (const listener of listeners) listener.stop(true);
  return ports;
}
