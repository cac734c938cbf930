// Gives the event loop a turn after every 64 probes that end at once. What answers without a wait would else keep it
// from timers, from new connections and from answers that have come, for as long as there are requests.
//
// A turn that has had 64 is spent: a further request shares a round in the next turn (src/monitor/admission.ts). One that
// has begun may go beyond by its own probes, but no turn has more than 128.

const ENOUGH = 64;
const MOST = 128;

let begun = 0;
let isDue = false;
const probes: (() => void)[] = [];

/** Whether this turn of the loop has had its probes. */
export const isTurnSpent = (): boolean => begun >= ENOUGH;

/** For a probe: undefined where it may begin in this turn of the loop, else a promise of one to come. */
export function untilTurn(): Promise<void> | undefined {
  if (begun < MOST) {
    begin();
    return undefined;
  }
  return new Promise((resolve) => probes.push(resolve));
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
}
