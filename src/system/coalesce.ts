// What many ask at the same moment is asked once.
//
// Who asks in one turn of the loop shares an answer. Nobody is given one that was
// begun before the question: who comes while it is being found shares the next.

export interface CoalesceOptions<Answer> {
  /** The answers by their keys; `signal` aborts once nobody waits any more, and whatever was begun is to be ended. Never rejects. */
  readonly askAll: (keys: readonly string[], signal: AbortSignal) => Promise<(key: string) => Answer>;
  /** What one is told whose own signal aborts, where nothing is known yet. */
  readonly cut: () => Answer;
  /** How many may be under way at a time. */
  readonly atOnce: number;
  /** How long to leave between one's end and the next's start, after one that took so long. */
  readonly pauseMs?: (durationMs: number) => number;
}

interface Batch<Answer> {
  readonly waiting: Map<string, Set<(answer: Answer | Promise<Answer>) => void>>;
  readonly controller: AbortController;
  result?: Promise<(key: string) => Answer>;
}

/** What an answer that nobody waits for any more may take to be given up: a killed process is gone by then. */
const GIVE_UP_MS = 25;

/** Settles at once when its signal aborts; never rejects. */
export type Ask<Answer> = (key: string, signal: AbortSignal) => Promise<Answer>;

export function coalesce<Answer>({ askAll, cut, atOnce, pauseMs = () => 0 }: CoalesceOptions<Answer>): Ask<Answer> {
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
    batch.result = askAll([...batch.waiting.keys()], batch.controller.signal);
    // A throw is a fault of ours: each who waits is handed it.
    await batch.result.catch(() => {});
    for (const [key, tellAll] of batch.waiting) {
      const answer = batch.result.then((answerOf) => answerOf(key));
      for (const tell of tellAll) tell(answer);
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
      if (signal.aborted) return resolve(cut());
      next ??= { waiting: new Map(), controller: new AbortController() };
      const batch = next;
      const tellAll = batch.waiting.get(key) ?? new Set();
      batch.waiting.set(key, tellAll);
      const tell = (answer: Answer | Promise<Answer>) => {
        signal.removeEventListener("abort", leave);
        resolve(answer);
      };
      const leave = () => {
        tellAll.delete(tell);
        if (tellAll.size === 0) batch.waiting.delete(key);
        if (batch.waiting.size === 0) {
          batch.controller.abort();
          if (next === batch) next = undefined;
        }
        resolve(afterLeaving(batch).then((answerOf) => answerOf?.(key) ?? cut()));
      };
      tellAll.add(tell);
      signal.addEventListener("abort", leave, { once: true });
      schedule();
    });
}

/** Who leaves last waits a moment for the end of what was begun, and so do all who leave in the same turn. */
async function afterLeaving<Answer>({
  result,
  controller,
}: Batch<Answer>): Promise<((key: string) => Answer) | undefined> {
  if (!result) return undefined;
  await new Promise((resolve) => setImmediate(resolve));
  if (!controller.signal.aborted) return undefined;
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, GIVE_UP_MS, undefined);
  const answerOf = await Promise.race([result, over]);
  clearTimeout(timer);
  return answerOf;
}
