// One address that answers is enough, and a dead one does not use up the time of the others.

import { afterEach, expect, jest, test } from "bun:test";
import { connect, preparePeer } from "../../src/net/connect.ts";
import { happyEyeballs } from "../../src/net/happy-eyeballs.ts";
import { failed, isFailure } from "../../src/outcome.ts";
import { handshakesTo } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { listenRaw } from "./raw-socket.ts";

afterEach(() => void jest.useRealTimers());

const never = new AbortController().signal;
const peerAt = (port: number, host = "127.0.0.1") => preparePeer({ family: "tcp", host, port });
const handshake = async (peer: ReturnType<typeof peerAt>, signal: AbortSignal) =>
  (await connect(peer, { signal })) ?? peer.address;

test("an address that drops handshakes is skipped, and its attempt leaves nothing", async () => {
  using dropping = listenRaw({ family: "v4" }, 0);
  dropping.fill();
  using six = listenRaw({ family: "v6" });
  const before = handshakesTo(dropping.port);
  expect(await happyEyeballs([peerAt(dropping.port), peerAt(six.port, "::1")], handshake, never)).toEqual({
    family: "tcp",
    host: "::1",
    port: six.port,
  });
  await until(() => handshakesTo(dropping.port) <= before);
});

test("an address that refuses is skipped at once", async () => {
  using up = listenRaw({ family: "v4" });
  expect(await happyEyeballs([peerAt(1), peerAt(1), peerAt(up.port)], handshake, never)).toMatchObject({
    port: up.port,
  });
});

/** Does not answer before it is aborted. */
const dead = (signal: AbortSignal) =>
  new Promise<ReturnType<typeof failed>>((resolve) =>
    signal.addEventListener("abort", () => resolve(failed("timeout", "dead"))),
  );

test("the next address is tried 250 ms after one that does not answer", async () => {
  jest.useFakeTimers();
  const tried: string[] = [];
  const attempt = async (peer: string, signal: AbortSignal) => {
    tried.push(peer);
    return peer === "up" ? peer : dead(signal);
  };
  const result = happyEyeballs(["dead", "dead too", "up"], attempt, never);
  expect(tried).toEqual(["dead"]);
  jest.advanceTimersByTime(249);
  expect(tried).toEqual(["dead"]);
  jest.advanceTimersByTime(1);
  expect(tried).toEqual(["dead", "dead too"]);
  jest.advanceTimersByTime(250);
  expect(tried).toEqual(["dead", "dead too", "up"]);
  expect(await result).toBe("up");
});

test("the last address is tried in time, however many are dead", async () => {
  jest.useFakeTimers();
  const peers = Array.from({ length: 20 }, (_, index) => index);
  const attempt = async (peer: number, signal: AbortSignal) => (peer === 19 ? "up" : dead(signal));
  const result = happyEyeballs(peers, attempt, never, undefined, 400);
  jest.advanceTimersByTime(400);
  expect(await result).toBe("up");
});

test("when all fail, the message has each failure, and one timeout makes it a timeout", async () => {
  const refused = await happyEyeballs([1, 2], async (peer) => failed("refused", `${peer} refused`), never);
  expect(refused).toEqual(failed("refused", "1 refused; 2 refused"));
  const ended = new AbortController();
  const tried: number[] = [];
  const waits = (peer: number, signal: AbortSignal) => {
    tried.push(peer);
    return peer === 1
      ? Promise.resolve(failed("refused", "1 refused"))
      : new Promise<ReturnType<typeof failed>>((resolve) =>
          signal.addEventListener("abort", () => resolve(failed("timeout", `${peer} silent`))),
        );
  };
  const late = happyEyeballs([1, 2], waits, ended.signal);
  await until(() => tried.includes(2));
  ended.abort();
  expect(await late).toEqual(failed("timeout", "1 refused; 2 silent"));
  expect(isFailure(await happyEyeballs([], waits, never))).toBe(true);
});

test("a later success is given to discard", async () => {
  const discarded: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<string>();
  const attempt = (peer: string) => (peer === "slow" ? released : Promise.resolve(peer));
  expect(await happyEyeballs(["slow", "fast"], attempt, never, (late) => void discarded.push(late), 20)).toBe("fast");
  release("slow");
  await until(() => discarded.length > 0);
  expect(discarded).toEqual(["slow"]);
});
