// Tries several addresses of one name in turn, without waiting for a dead one to fail: the first that answers cancels the
// rest (RFC 8305).

import { type Failure, failed, isFailure } from "../outcome.ts";

/** From RFC 8305: a dead address does not use up the timeout of the others. */
const NEXT_ADDRESS_MS = 250;

export type Attempt<Peer, T> = (peer: Peer, signal: AbortSignal) => Promise<T | Failure>;

/**
 * Starts with the first; the next one starts when an attempt has failed or is slow, and all start within `withinMs`. Later
 * successes are passed to `discard`.
 */
export function happyEyeballs<Peer, T>(
  peers: readonly Peer[],
  attempt: Attempt<Peer, T>,
  signal: AbortSignal,
  discard: (late: T) => void = () => {},
  withinMs = Number.POSITIVE_INFINITY,
): Promise<T | Failure> {
  const [only] = peers;
  if (only === undefined) return Promise.resolve(failed("resolve", "the name has no address"));
  if (peers.length === 1) return attempt(only, signal);
  const nextMs = Math.min(NEXT_ADDRESS_MS, withinMs / peers.length);
  return new Promise((done) => {
    const running = new AbortController();
    const abort = () => running.abort();
    signal.addEventListener("abort", abort);
    const failures: Failure[] = [];
    let started = 0;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = (result: T | Failure) => {
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      running.abort();
      done(result);
    };
    const next = () => {
      clearTimeout(timer);
      const peer = peers[started];
      if (peer === undefined) return;
      started++;
      timer = setTimeout(next, nextMs);
      void attempt(peer, running.signal).then((result) => {
        if (isOver) {
          if (!isFailure(result)) discard(result);
          return;
        }
        if (!isFailure(result)) return finish(result);
        failures.push(result);
        if (failures.length === peers.length || (signal.aborted && failures.length === started)) finish(join(failures));
        else if (!signal.aborted) next();
      });
    };
    if (signal.aborted) abort();
    next();
  });
}

function join(failures: readonly Failure[]): Failure {
  const [first, ...rest] = failures;
  if (!first) return failed("resolve", "the name has no address");
  const late = failures.find(({ reason }) => reason === "timeout");
  return failed((late ?? first).reason, [first, ...rest].map(({ message }) => message).join("; "));
}
