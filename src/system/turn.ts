// Gives the event loop a turn after every 64 probes that end at once. What answers without a wait would else keep it
// from timers, from new connections and from answers that have come, for as long as there are requests.
//
// Requests wait for a turn, whole, so that each is answered in one go. One that has begun may go beyond by its own probes,
// but no turn has more than 128.

const ENOUGH = 64;
const MOST = 128;

let begun = 0;
let isDue = false;
const probes: (() => void)[] = [];
const requests: (() => void)[] = [];

/** For a probe: undefined where it may begin in this turn of the loop, else a promise of one to come. */
export function untilTurn(): Promise<void> | undefined {
  if (begun < MOST) {
    begin();
    return undefined;
  }
  return new Promise((resolve) => probes.push(resolve));
}

/** Runs what answers a request, now or in a turn to come. */
export function inTurn<T>(run: () => T | Promise<T>): T | Promise<T> {
  if (begun < ENOUGH) return run();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  requests.push(() => {
    try {
      resolve(run());
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

function begin(): void {
  begun++;
  if (isDue) return;
  isDue = true;
  setImmediate(beginTurn);
}

function beginTurn(): void {
  isDue = false;
  begun = 0;
  for (const run of probes.splice(0, ENOUGH)) {
    begin();
    run();
  }
  while (begun < ENOUGH) {
    const run = requests.shift();
    if (!run) break;
    run();
  }
}
