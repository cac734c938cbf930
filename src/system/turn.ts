// Gives the event loop a turn after every 64 probes that end at once. What answers without a wait would else keep it
// from timers, from new connections and from answers that have come, for as long as there are requests.

const MOST_A_TURN = 64;

let begun = 0;
const waiting: (() => void)[] = [];

/** Undefined where a probe may begin in this turn of the loop; else a promise of one to come, the next for the next 64. */
export function untilTurn(): Promise<void> | undefined {
  if (begun < MOST_A_TURN) {
    if (begun === 0) setImmediate(beginTurn);
    begun++;
    return undefined;
  }
  return new Promise((resolve) => waiting.push(resolve));
}

function beginTurn(): void {
  const next = waiting.splice(0, MOST_A_TURN);
  begun = next.length;
  if (begun > 0) setImmediate(beginTurn);
  for (const begin of next) begin();
}
