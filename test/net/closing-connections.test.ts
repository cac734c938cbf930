// An exit waits for what is being closed, and not for longer than a quarter of a second.

import { afterEach, expect, jest, test } from "bun:test";
import { beginEnding, endingsOver } from "../../src/net/closing-connections.ts";

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

test("nothing that is being closed is waited for not at all", async () => {
  expect(await isOver(endingsOver())).toBe(true);
});

test("all are waited for, those that begin meanwhile too", async () => {
  const [one, other] = [beginEnding(), beginEnding()];
  const exit = endingsOver();
  one();
  one();
  expect(await isOver(exit)).toBe(false);
  const third = beginEnding();
  other();
  expect(await isOver(exit)).toBe(false);
  third();
  expect(await isOver(exit)).toBe(true);
});

test("for 250 ms at the longest", async () => {
  jest.useFakeTimers();
  const over = beginEnding();
  const exit = endingsOver();
  jest.advanceTimersByTime(249);
  expect(await isOver(exit)).toBe(false);
  jest.advanceTimersByTime(1);
  expect(await isOver(exit)).toBe(true);
  over();
});
