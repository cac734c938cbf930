// If this host lacks a resource for a moment (a descriptor, a process, a port, memory), that says nothing about what is
// checked: the attempt is repeated until it gets a result, or until its time is over.

import { pause } from "./event-loop.ts";

/** Short compared with any timeout, long compared with the cost of an attempt. */
const RETRY_MS = 20;

const LACKING: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "EAGAIN",
  "ENOMEM",
  "ENOBUFS",
  "EADDRNOTAVAIL",
  "EADDRINUSE",
]);

/** Whether a call that failed with this code lacked a resource of this host. */
export const isLacking = (code: string): boolean => LACKING.has(code);

const lacksResource = (result: unknown): boolean =>
  typeof result === "object" && result !== null && "reason" in result && result.reason === "resource";

/**
 * The result of the first attempt that lacks nothing, or of the last one when the signal aborts. Each attempt gets the
 * result of the previous one. By default an attempt that fails with reason "resource" lacks something.
 */
export async function retryWhileLacking<T>(
  signal: AbortSignal,
  attempt: (last: T | undefined) => Promise<T> | T,
  lacks: (result: T) => boolean = lacksResource,
): Promise<T> {
  let last: T | undefined;
  for (;;) {
    const result = await attempt(last);
    if (!lacks(result) || signal.aborted) return result;
    await pause(RETRY_MS, signal);
    if (signal.aborted) return result;
    last = result;
  }
}
