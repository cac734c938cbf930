// What answers at once still leaves the event loop a turn after every 64.

import { expect, test } from "bun:test";
import { untilTurn } from "../../src/system/turn.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("64 begin in a turn of the loop, the next 64 in the next, in their order", async () => {
  await nextTurn(); // whatever has begun before is over
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  const begun = Array.from({ length: 200 }, (_, index) => ({ index, wait: untilTurn() }));
  setImmediate(count);
  const begunIn = await Promise.all(
    begun.map(async ({ index, wait }) => {
      await wait;
      return { index, turn, waited: wait !== undefined };
    }),
  );
  isOver = true;
  expect(begunIn.map(({ waited }) => waited)).toEqual(begun.map(({ index }) => index >= 64));
  const turns = Map.groupBy(
    begunIn.filter(({ waited }) => waited),
    (one) => one.turn,
  );
  expect([...turns.values()].map((together) => together.map(({ index }) => index))).toEqual([
    Array.from({ length: 64 }, (_, index) => 64 + index),
    Array.from({ length: 64 }, (_, index) => 128 + index),
    Array.from({ length: 8 }, (_, index) => 192 + index),
  ]);
});

test("those that waited count in the turn that they begin in", async () => {
  await nextTurn();
  const first = Array.from({ length: 65 }, untilTurn);
  await first.at(-1);
  const second = Array.from({ length: 64 }, untilTurn);
  expect(second.filter(Boolean)).toHaveLength(1);
  await Promise.all(second);
});

test("each turn begins anew", async () => {
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    expect(Array.from({ length: 64 }, untilTurn).filter(Boolean)).toEqual([]);
  }
});
