// What answers at once still leaves the event loop a turn after every 64 probes.

import { expect, test } from "bun:test";
import { isTurnSpent, untilTurn } from "../../src/system/turn.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Counts the turns of the loop, from 0, until it is disposed of. */
function countTurns() {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  return {
    now: () => turn,
    [Symbol.dispose]() {
      isOver = true;
    },
  };
}

test("a turn is spent once it has had 64 probes, and the next is not", async () => {
  await nextTurn(); // whatever has begun before is over
  for (let probe = 0; probe < 64; probe++) {
    expect(isTurnSpent()).toBe(false);
    expect(untilTurn()).toBeUndefined();
  }
  expect(isTurnSpent()).toBe(true);
  await nextTurn();
  expect(isTurnSpent()).toBe(false);
});

test("no turn has more than 128 probes, whatever begins them", async () => {
  await nextTurn();
  const waits = Array.from({ length: 300 }, untilTurn);
  expect(waits.map((wait) => wait === undefined)).toEqual([...Array(128).fill(true), ...Array(172).fill(false)]);
  using turns = countTurns();
  const begunIn = await Promise.all(
    waits.slice(128).map(async (wait) => {
      await wait;
      return turns.now();
    }),
  );
  expect([...Map.groupBy(begunIn, (turn) => turn).values()].map(({ length }) => length)).toEqual([64, 64, 44]);
});
