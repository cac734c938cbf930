// An exit waits until connections are closed, for at most a quarter of a second.

import { afterEach, expect, jest, test } from "bun:test";
import { beginEnding, connectionsClosed } from "../../src/net/closing-connections.ts";

afterEach(() => void jest.useRealTimers());

/** Whether the promise has resolved by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return over;
}

test("without a closing connection there is no wait", async () => {
  expect(await isOver(connectionsClosed())).toBe(true);
});

test("it waits for all, including those that begin to close meanwhile", async () => {
  const [one, other] = [beginEnding(), beginEnding()];
  const exit = connectionsClosed();
  one();
  one();
  expect(await isOver(exit)).toBe(false);
  const third = beginEnding();
  other();
  expect(await isOver(exit)).toBe(false);
  third();
  expect(await isOver(exit)).toBe(true);
});

test("it waits for 250 ms at most", async () => {
  jest.useFakeTimers();
  const over = beginEnding();
  const exit = connectionsClosed();
  jest.advanceTimersByTime(249);
  expect(await isOver(exit)).toBe(false);
  jest.advanceTimersByTime(1);
  expect(await isOver(exit)).toBe(true);
  over();
});
