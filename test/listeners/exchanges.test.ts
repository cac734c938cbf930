// What the runtime does for an answer that takes its time, by names that it does not document.

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { serveBounded } from "../../src/listeners/bounded.ts";
import { type ExchangeOptions, Exchanges } from "../../src/listeners/exchanges.ts";
import { converse } from "../support/converse.ts";
import { hasPassed, until } from "../support/until.ts";

const IDLE_S = 1;

/** The runtime looks for idle connections every four seconds. */
const SURELY_IDLE_MS = 6000;

const text = (body: string) => ({ status: 200, headers: {}, body });

function serve(options: Partial<ExchangeOptions>) {
  const answering = new Exchanges({
    answer: () => text("OK"),
    onError: () => ({ ...text("a fault"), status: 500 }),
    onRefused() {},
    idleTimeoutS: IDLE_S,
    mayTakeLonger: () => false,
    ...options,
  });
  const { server, cut } = serveBounded(
    { family: "tcp", host: "127.0.0.1", port: 0 },
    {
      answering,
      maxRequestBodyBytes: 1000,
      idleTimeoutS: IDLE_S,
      maxConnections: () => 100,
      onCrowded() {},
      onFault() {},
    },
  );
  return { hostname: "127.0.0.1", port: server.port ?? 0, [Symbol.asyncDispose]: cut };
}

const FINAL_GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

test("an answer may take longer than a connection may be idle", async () => {
  const answer = () => until(hasPassed(SURELY_IDLE_MS)).then(() => text("late"));
  await using server = serve({ answer, mayTakeLonger: () => true });
  expect(await converse(server, FINAL_GET)).toEndWith("\r\n\r\nlate");
});

test("a fault while an answer is made is answered, at once or later", async () => {
  const fault = new Error("a fault");
  const faults: unknown[] = [];
  const onError = (error: unknown) => {
    faults.push(error);
    return { ...text("a fault"), status: 500 };
  };
  const answers = [
    () => {
      throw fault;
    },
    () => Promise.reject(fault),
  ];
  for (const answer of answers) {
    await using server = serve({ answer, onError });
    expect(await converse(server, FINAL_GET)).toMatch(/^HTTP\/1\.1 500 .*a fault$/s);
  }
  expect(faults).toEqual([fault, fault]);
});

test("the signal of a request is aborted when its client breaks off, whenever it is asked for", async () => {
  const asked: { readonly early: AbortSignal; readonly late: () => AbortSignal }[] = [];
  await using server = serve({
    answer(request) {
      asked.push({ early: request.signal, late: () => request.signal });
      return new Promise(() => {});
    },
  });
  const client = connect(server.port, server.hostname);
  client.write(FINAL_GET);
  const { early, late } = await until(() => asked[0]);
  expect(early.aborted).toBe(false);
  client.resetAndDestroy();
  await until(() => early.aborted);
  expect(late().aborted).toBe(true);
});
