// Loads the answers to calls of the same moment together, once.
//
// Calls in one turn of the event loop share a load. No call gets an answer whose load began before it: calls that come
// during a load share the next one.

export interface CoalesceOptions<Answer> {
  /** Returns the answers by their keys. `signal` aborts when no caller waits any more, and the load must end. Never rejects. */
  readonly loadAll: (keys: readonly string[], signal: AbortSignal) => Promise<(key: string) => Answer>;
  /** The answer for a caller whose own signal aborts first. */
  readonly onAbort: () => Answer;
  /** How many loads may run at a time. */
  readonly atOnce: number;
  /** The pause after a load, by its duration. */
  readonly pauseMs?: (durationMs: number) => number;
}

interface Batch<Answer> {
  readonly waiting: Map<string, Set<(answer: Answer | Promise<Answer>) => void>>;
  readonly controller: AbortController;
  result?: Promise<(key: string) => Answer>;
}

/** How long an aborted load may take to end: a killed process is gone by then. */
const GIVE_UP_MS = 25;

/** Resolves at once when its signal aborts; never rejects. */
export type Ask<Answer> = (key: string, signal: AbortSignal) => Promise<Answer>;

export function coalesce<Answer>({
  loadAll,
  onAbort,
  atOnce,
  pauseMs = () => 0,
}: CoalesceOptions<Answer>): Ask<Answer> {
  let next: Batch<Answer> | undefined;
  let places = atOnce;
  let scheduled = false;

  const schedule = () => {
    if (scheduled || !next || places === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void run();
    });
  };
  const run = async () => {
    const batch = next;
    if (!batch || places === 0) return;
    next = undefined;
    places--;
    const start = performance.now();
    batch.result = loadAll([...batch.waiting.keys()], batch.controller.signal);
    // A rejection is a fault of ours; every waiting caller gets it below.
    await batch.result.catch(() => {});
    for (const [key, callers] of batch.waiting) {
      const answer = batch.result.then((answerOf) => answerOf(key));
      for (const resolve of callers) resolve(answer);
    }
    const free = () => {
      places++;
      schedule();
    };
    const pause = pauseMs(performance.now() - start);
    if (pause > 0) setTimeout(free, pause);
    else free();
  };

  return (key, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(onAbort());
      next ??= { waiting: new Map(), controller: new AbortController() };
      const batch = next;
      const callers = batch.waiting.get(key) ?? new Set();
      batch.waiting.set(key, callers);
      const finish = (answer: Answer | Promise<Answer>) => {
        signal.removeEventListener("abort", leave);
        resolve(answer);
      };
      const leave = () => {
        callers.delete(finish);
        if (callers.size === 0) batch.waiting.delete(key);
        if (batch.waiting.size === 0) {
          batch.controller.abort();
          if (next === batch) next = undefined;
        }
        resolve(afterLeaving(batch).then((answerOf) => answerOf?.(key) ?? onAbort()));
      };
      callers.add(finish);
      signal.addEventListener("abort", leave, { once: true });
      schedule();
    });
}

/** The last caller that leaves, and all that leave in the same turn, wait a moment for the end of the load. */
async function afterLeaving<Answer>({
  result,
  controller,
}: Batch<Answer>): Promise<((key: string) => Answer) | undefined> {
  if (!result) return undefined;
  await new Promise((resolve) => setImmediate(resolve));
  if (!controller.signal.aborted) return undefined;
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, GIVE_UP_MS, undefined);
  const answerOf = await Promise.race([result, tooLate]);
  clearTimeout(timer);
  return answerOf;
}
