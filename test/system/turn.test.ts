// What answers at once still leaves the event loop a turn after every 64 probes.

import { expect, test } from "bun:test";
import { inTurn, untilTurn } from "../../src/system/turn.ts";

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

/** A request with so many probes. */
const request = (probes: number) => () => {
  for (let probe = 0; probe < probes; probe++) expect(untilTurn()).toBeUndefined();
};

test("requests begin in a turn until it has had 64 probes; the rest in the next turns, in their order", async () => {
  await nextTurn(); // whatever has begun before is over
  const begunIn: (readonly [number, number])[] = [];
  const ends: (void | Promise<void>)[] = [];
  using turns = countTurns();
  for (let index = 0; index < 30; index++) {
    const answer = request(5);
    ends.push(
      inTurn(() => {
        begunIn.push([index, turns.now()]);
        answer();
      }),
    );
  }
  // 13 times 5 probes are 65.
  expect(ends.map((end) => end instanceof Promise)).toEqual([...Array(13).fill(false), ...Array(17).fill(true)]);
  await Promise.all(ends);
  expect(begunIn.map(([index]) => index)).toEqual(Array.from({ length: 30 }, (_, index) => index));
  const together = [...Map.groupBy(begunIn, ([, turn]) => turn).values()].map(({ length }) => length);
  expect(together).toEqual([13, 13, 4]);
});

test("requests without a probe never wait", async () => {
  await nextTurn();
  for (let index = 0; index < 1000; index++) expect(inTurn(() => index)).toBe(index);
});

test("what a request throws in its turn rejects", async () => {
  await nextTurn();
  request(64)();
  const waits = inTurn((): number => {
    throw new Error("oh no");
  });
  expect(waits).toBeInstanceOf(Promise);
  expect(Promise.resolve(waits)).rejects.toThrow("oh no");
  await nextTurn();
});

test("no turn has more than 128 probes, whoever begins them", async () => {
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
