// The health listener gives one of two answers, by the verdict, and nothing else.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Verdict } from "../../../src/checks/check.ts";
import { type BoundedServer, serveBounded } from "../../../src/listeners/bounded.ts";
import { Exchanges } from "../../../src/listeners/exchanges.ts";
import {
  createHealthHandler,
  type HealthOptions,
  pathOf,
  unhealthyAnswer,
} from "../../../src/listeners/health/handler.ts";

const verdict = (healthy: boolean): Verdict => ({
  healthy,
  failing: healthy ? [] : [{ name: "secret name", reason: "refused" }],
  at: 1,
});

const HEADERS = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };

const OK = { status: 200, headers: HEADERS, body: "OK" };
const BAD = (status: number) => ({ status, headers: HEADERS, body: "At least one health check failed" });

const onOtherPath = () => {};

const handler = (ask: HealthOptions["verdict"], failureStatus: number) =>
  createHealthHandler({
    verdict: ask,
    isDraining: () => false,
    failureStatus,
    endpoints: [],
    onOtherPath,
  });

test("a healthy host answers 200 OK", async () => {
  const answer = handler(async () => verdict(true), 504);
  expect(await answer(new Request("http://host/"))).toEqual(OK);
});

test.each([504, 503, 400, 599])(
  "an unhealthy host answers the failure status %d and names no check",
  async (status) => {
    const answer = handler(async () => verdict(false), status);
    expect(await answer(new Request("http://host/"))).toEqual(BAD(status));
    expect(unhealthyAnswer(status)).toEqual(BAD(status));
  },
);

test("the monitor gets the request itself, so that it sees when the client disconnects", async () => {
  const asked: unknown[] = [];
  const answer = handler(async (client) => {
    asked.push(client);
    return verdict(true);
  }, 504);
  const request = new Request("http://host/");
  await answer(request);
  expect(asked).toEqual([request]);
});

test("a verdict that is known at once is answered at once", async () => {
  for (const healthy of [true, false]) {
    const answer = createHealthHandler({
      verdict: () => verdict(healthy),
      isDraining: () => false,
      failureStatus: 503,
      endpoints: [],
      onOtherPath,
    })(new Request("http://host/"));
    expect(answer).toEqual(healthy ? OK : BAD(503));
  }
});

describe("while the host is drained", () => {
  const draining = { status: 503, headers: HEADERS, body: "Draining" };

  test("every path answers Draining, and no check runs", async () => {
    const answer = createHealthHandler({
      verdict: () => Promise.reject(new Error("asked")),
      isDraining: () => true,
      failureStatus: 503,
      endpoints: ["/db"],
      onOtherPath,
    });
    for (const [path, endpoint] of [["/"], ["/db", "/db"], ["/x?y"]] as const) {
      expect(await answer(new Request(`http://host${path}`))).toEqual({ ...draining, endpoint });
    }
  });

  test("a request that waits for a round gets Draining too, whatever the verdict", async () => {
    for (const healthy of [true, false]) {
      let drained = false;
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      const answer = createHealthHandler({
        verdict: () => promise,
        isDraining: () => drained,
        failureStatus: 503,
        endpoints: [],
        onOtherPath,
      })(new Request("http://host/"));
      drained = true;
      resolve(verdict(healthy));
      expect(await answer).toEqual(draining);
    }
  });
});

describe("endpoints", () => {
  const groups: number[] = [];
  const others: string[] = [];
  const answer = createHealthHandler({
    verdict: async (_client, group) => {
      groups.push(group);
      return verdict(true);
    },
    isDraining: () => false,
    failureStatus: 504,
    endpoints: ["/db", "/a/b", "/"],
    onOtherPath: (path) => others.push(path),
  });

  test.each([
    ["http://host/db", 1],
    ["http://host/db?x=/a/b", 1],
    ["/db", 1],
    ["/db?x", 1],
    ["http://[::1]:5000/a/b", 2],
    ["http://host/", 3],
    ["http://host?x", 3],
    ["http://host/?x", 3],
    ["http://host/db/", 1],
    ["http://host/db/?x", 1],
    ["/a/b/", 2],
    ["http://host//", 3],
    ["http://host/db//", 0],
    ["http://host/a//b", 0],
    ["http://host/%64b", 0],
    ["http://host/dbx", 0],
    ["http://host/DB", 0],
    ["http://host/x?/db", 0],
    ["//db", 0],
  ])("%s gets the verdict of group %d", async (url, group) => {
    groups.length = 0;
    // A request may have a bare path, which `new Request` refuses.
    await answer({ url, signal: new AbortController().signal } as Request);
    expect(groups).toEqual([group]);
  });

  const plain = { verdict: () => verdict(true), isDraining: () => false } as const;

  test("a path that is no endpoint is reported without its query, except /", () => {
    others.length = 0;
    const respond = createHealthHandler({
      ...plain,
      failureStatus: 504,
      endpoints: ["/db"],
      onOtherPath: (path) => others.push(path),
    });
    for (const path of ["/", "/?x", "/db", "/db/", "/DB", "/x/?y"]) void respond(new Request(`http://host${path}`));
    expect(others).toEqual(["/DB", "/x/"]);
  });

  test("without endpoints no path is reported", () => {
    const respond = createHealthHandler({
      ...plain,
      failureStatus: 504,
      endpoints: [],
      onOtherPath: () => {
        throw new Error("reported");
      },
    });
    expect(respond(new Request("http://host/x"))).toEqual(OK);
  });
});

describe("over a real port", () => {
  let healthy = true;
  let listening: BoundedServer;
  beforeAll(() => {
    const answering = new Exchanges({
      answer: handler(async () => verdict(healthy), 504),
      onError: () => unhealthyAnswer(500),
      onRefused() {},
      answersEvery: true,
      idleTimeoutS: 10,
      mayTakeLonger: () => false,
    });
    listening = serveBounded(
      { family: "tcp", host: "127.0.0.1", port: 0 },
      {
        answering,
        idleTimeoutS: 10,
        maxConnections: () => 100,
        onCrowded() {},
        onFault() {},
      },
    );
  });
  afterAll(() => listening.cut());

  const ask = (path: string, method: string) =>
    fetch(`http://127.0.0.1:${listening.server.port}${path}`, {
      method,
      redirect: "manual",
      proxy: "",
      keepalive: false,
    });

  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    test.each(["/", "//x", "/a/../b?c=d", "/%00", "/index.html"])(`${method} %s has the same answers`, async (path) => {
      for (healthy of [true, false]) {
        const response = await ask(path, method);
        expect({ status: response.status, body: await response.text() }).toEqual(
          healthy ? { status: 200, body: OK.body } : { status: 504, body: BAD(504).body },
        );
        expect(response.headers.get("content-type")).toBe(HEADERS["Content-Type"]);
        expect(response.headers.get("cache-control")).toBe(HEADERS["Cache-Control"]);
      }
    });
  }

  test("HEAD gets the same headers and no body", async () => {
    for (healthy of [true, false]) {
      const response = await ask("/", "HEAD");
      expect(response.status).toBe(healthy ? 200 : 504);
      expect(response.headers.get("content-length")).toBe(healthy ? "2" : "32");
      expect(await response.text()).toBe("");
    }
  });
});

test.each([
  ["/", "/"],
  ["/down?next=/up", "/down"],
  ["http://x/down#/up", "/down"],
  ["http://x", "/"],
  ["http://x?next=/down", "/"],
  ["http://x#/down", "/"],
])("the path of %s is %s", (url, path) => expect(pathOf(url)).toBe(path));
